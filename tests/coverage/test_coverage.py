"""What docs/coverage.md says is so: estimators, pipelines and boosters convert as exactly as stated there."""

import warnings

import pytest

from benchmarks.conversion import boosters, estimators, page, pipelines, trees

ESTIMATORS, PIPELINES = page.stated("Estimators of scikit-learn"), page.stated("Pipelines")
BOOSTERS = page.stated("Boosting libraries")
#: What the libraries themselves warn of while they are trained is not the subject here.
pytestmark = pytest.mark.filterwarnings("ignore")


def is_as_stated(grade: str, stated: str) -> bool:
    """Say whether a grade is the stated one, or better: in double where single or noisy is stated."""
    return grade == stated or (grade == "double" and stated in ("single", "noisy"))


def test_the_page_lists_all_estimators_pipelines_and_boosters() -> None:
    assert list(ESTIMATORS) == estimators.names()
    assert list(PIPELINES) == pipelines.names()
    assert list(BOOSTERS) == boosters.names()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_converts_as_exactly_as_stated(name: str) -> None:
    (found,) = dict(estimators.findings((name,), first=True)).values()
    assert is_as_stated(found[0].grade if found else "-", ESTIMATORS[name]), found[0].line() if found else ""


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_converts_as_exactly_as_stated(name: str) -> None:
    (found,) = pipelines.findings((name,))
    assert is_as_stated(found.grade, PIPELINES[name]), found.line()


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_booster_converts_as_exactly_as_stated(name: str) -> None:
    found = boosters.examined(name)
    assert is_as_stated(found.grade, BOOSTERS[name]), found.line()
    assert found.grade == "refused" or boosters.near(found)


@pytest.mark.parametrize("name", trees.names())
def test_a_tree_model_gives_no_other_label_where_comparisons_are_tight(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = trees.compared(name, rows=8000, trained_on=1000)
    assert found.labels_off == 0, found.line()
    assert not found.refused


def test_nothing_is_silently_wrong_and_enough_converts() -> None:
    stated = [*ESTIMATORS.values(), *PIPELINES.values(), *BOOSTERS.values()]
    assert "wrong" not in stated
    assert "crashed" not in stated
    assert list(ESTIMATORS.values()).count("double") >= 170
    assert sum(grade in ("double", "single") for grade in PIPELINES.values()) >= 85
