from mlship.reports import pivots
from mlship.reports.model import Call, Measurement, Report
from tests.unit.reports import samples


def one(measurement: Measurement, **update: object) -> Report:
    return samples.minimal().model_copy(update={"measurements": (measurement,), **update})


def test_every_measurement_stands_in_one_table() -> None:
    for report in samples.everything().values():
        tables = [make(report) for make in (pivots.in_process, pivots.service, pivots.models, pivots.resources)]
        rows = [row for table in tables if table for _, group in table.groups for row in group]
        figures = [cell for row in rows for cell in row.cells if cell]
        assert len(figures) == len(report.measurements) + len(report.calls)


def test_models_are_grouped_by_the_rows_of_a_call() -> None:
    found = pivots.in_process(samples.full())
    assert found is not None
    assert [title for title, _ in found.groups] == ["1 row", "10 rows", "100 rows", "10,000 rows"]
    assert [row.name for row in found.groups[0][1]] == ["original", "converted", "optimised"]


def test_loads_of_one_service_are_the_rows() -> None:
    found = pivots.service(samples.full())
    assert found is not None
    assert [title for title, _ in found.groups] == [""]
    assert found.groups[0][1][1].name == "8 connections"


def test_compared_services_are_grouped_by_load() -> None:
    found = pivots.service(samples.comparison())
    assert found is not None
    assert [(title, [row.name for row in rows]) for title, rows in found.groups] == [
        ("8 connections", ["this", "other"])
    ]


def test_what_was_not_measured_has_no_table() -> None:
    assert pivots.service(samples.minimal()) is None
    assert pivots.models(samples.minimal()) is None
    assert pivots.in_process(samples.url()) is None


def test_a_metric_of_a_plugin_has_its_column() -> None:
    found = pivots.resources(one(Measurement(metric="watts", of="service", value=3.5)))
    assert found is not None
    assert found.columns == ("watts",)


def test_a_call_that_did_not_settle_says_so() -> None:
    call = Call(of="converted", load="1 row", rows=1, calls=1_234, stable=False, reached=False)
    found = pivots.in_process(samples.minimal().model_copy(update={"calls": (call,)}))
    assert found is not None
    cell = found.groups[0][1][0].cells[-1]
    assert cell == pivots.Cell("1,234", "warm-up did not settle, interval still wide")
