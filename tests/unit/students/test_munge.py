import numpy as np
import pytest

from mlship.signature import MISSING_STRING
from mlship.students.munge import munged
from tests.unit.students.mixed import case


@pytest.fixture(scope="module")
def given():
    return case()[1].fit.inputs


@pytest.fixture(scope="module")
def made(given):
    return munged(given, case()[1].signature.columns, count=4 * len(given["age"]), seed=0)


def test_as_many_rows_are_made_up_as_asked_for(made, given):
    assert {len(values) for values in made.values()} == {4 * len(given["age"])}


def test_most_values_stay_and_some_change(made, given):
    changed = (made["pay"] != np.tile(given["pay"], (4, 1))).mean()
    assert 0.1 < changed < 0.3


def test_no_text_is_new(made, given):
    assert set(made["city"].ravel()) == set(given["city"].ravel())


def test_numbers_stay_within_what_was_seen(made, given):
    assert np.nanmin(made["pay"]) >= given["pay"].min()
    assert np.nanmax(made["pay"]) <= given["pay"].max()


def test_booleans_stay_booleans(made):
    assert set(made["member"].ravel()) == {0.0, 1.0}


def test_integers_stay_whole():
    _, task = case()
    columns = [
        column.model_copy(update={"type": "integer"}) if column.name == "age" else column
        for column in task.signature.columns
    ]
    ages = munged(task.fit.inputs, columns, count=300, seed=0)["age"]
    assert np.array_equal(ages[~np.isnan(ages)], np.rint(ages[~np.isnan(ages)]))


def test_missing_values_keep_about_their_share(made, given):
    assert np.isnan(made["age"]).mean() == pytest.approx(np.isnan(given["age"]).mean(), abs=0.05)
    shares = [(rows["city"] == MISSING_STRING).mean() for rows in (made, given)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_the_same_seed_makes_the_same_rows(made, given):
    again = munged(given, case()[1].signature.columns, count=4 * len(given["age"]), seed=0)
    assert all(np.array_equal(made[name], again[name], equal_nan=made[name].dtype != object) for name in made)


def test_the_given_rows_are_left_alone(given):
    before = given["pay"].copy()
    munged(given, case()[1].signature.columns, count=100, seed=1)
    assert np.array_equal(given["pay"], before)


def test_no_rows_can_be_made_up_too(given):
    none = munged(given, case()[1].signature.columns, count=0, seed=0)
    assert {len(values) for values in none.values()} == {0}
