import numpy as np

from mlship.golden import Golden
from mlship.trials.rows import batches


def golden(rows: int, origins: tuple[str, ...] | None = None) -> Golden:
    return Golden({"features": np.arange(rows, dtype=float)[:, None]}, {}, origins or ("sample",) * rows)


def test_single_rows_are_different_ones() -> None:
    drawn = batches(golden(500), 1, seed=0)
    assert len({int(batch[0]) for batch in drawn}) == len(drawn) == 100


def test_few_rows_are_all_used() -> None:
    assert sorted(int(batch[0]) for batch in batches(golden(7), 1, seed=0)) == list(range(7))


def test_a_large_batch_takes_rows_again_when_there_are_too_few() -> None:
    drawn = batches(golden(7), 100, seed=0)
    assert {len(batch) for batch in drawn} == {100}
    assert {int(row) for batch in drawn for row in batch} == set(range(7))


def test_there_are_fewer_huge_batches_as_they_fill_memory() -> None:
    assert len(batches(golden(7), 10_000, seed=0)) == 3


def test_the_seed_decides_the_order() -> None:
    assert np.array_equal(batches(golden(50), 10, seed=1), batches(golden(50), 10, seed=1))
    assert not np.array_equal(batches(golden(50), 10, seed=1), batches(golden(50), 10, seed=2))


def test_stress_rows_are_left_out() -> None:
    origins = ("sample", "stress: all missing", "sample")
    assert {int(batch[0]) for batch in batches(golden(3, origins), 1, seed=0)} == {0, 2}


def test_rows_that_json_cannot_carry_are_left_out_unless_there_are_no_others() -> None:
    rows = golden(3)
    rows.inputs["features"][1] = np.inf
    assert {int(batch[0]) for batch in batches(rows, 1, seed=0)} == {0, 2}
    rows.inputs["features"][:] = np.inf
    assert len(batches(rows, 1, seed=0)) == 3
