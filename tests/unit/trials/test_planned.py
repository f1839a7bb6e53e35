from pathlib import Path

import pytest

from mlship.trials import planned
from mlship.trials.loads import Loads
from mlship.trials.objective import Objective

LOADS = Loads((1, 8), (50.0,), rows=100)


def names(figures: object) -> set[tuple[str, str, str]]:
    return {(each.metric, each.of, each.load) for each in figures}  # type: ignore[attr-defined]


def test_of_a_service_each_load_is_going_to_be_measured() -> None:
    found = names(planned.service(LOADS, started=True))
    assert {load for metric, _, load in found if metric == "p99"} == {"c1x100", "c1", "c8", "50/s"}
    assert {("rss", "service", ""), ("cold_start", "service", ""), ("errors", "service", "c8")} <= found


@pytest.mark.parametrize(
    ("loads", "started", "metric", "expected"),
    [
        (LOADS, False, "cold_start", set()),
        (LOADS, True, "capacity", set()),
        (Loads((1,), objective=Objective.parse("p99=20ms")), True, "capacity", {""}),
        (LOADS, True, "cost", set()),
        (Loads((1,), (50.0,), price=0.2), True, "cost", {"c1"}),
    ],
)
def test_what_is_measured_only_where_it_is_asked_for(
    loads: Loads, started: bool, metric: str, expected: set[str]
) -> None:
    assert {load for name, _, load in names(planned.service(loads, started=started)) if name == metric} == expected


def test_of_models_each_size_is_going_to_be_measured(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"a model")
    found = names(planned.in_process({"original": tmp_path, "onnx": tmp_path / "model.onnx"}, (1, 10_000)))
    assert {("p50", "original", "1 row"), ("p50", "converted", "10,000 rows"), ("size", "converted", "")} <= found


def test_a_comparison_has_two_sides() -> None:
    found = names(planned.compared_services(LOADS)) | names(planned.compared_models((1,)))
    assert {("p50", "this", "c8"), ("rss", "other", ""), ("max", "this", "1 row")} <= found
    assert ("max", "this", "c8") not in found
