from pathlib import Path

import numpy as np
import pytest

from mlship import golden
from mlship.errors import DamagedWorkspaceError
from mlship.signature import MISSING_STRING


def example() -> golden.Golden:
    return golden.Golden(
        inputs={
            "age": np.array([[1.5], [np.nan], [-0.0]]),
            "home.dest 年龄": np.array([["é"], [""], [MISSING_STRING]], dtype=object),
        },
        outputs={"prediction": np.array(["a", "b", "a"], dtype=object), "probabilities": np.array([[0.1, 0.9]] * 3)},
        origins=("sample", "sample", "stress: age missing"),
        target=np.array([1, 2]),
    )


def test_what_is_written_is_read_back_exactly(tmp_path: Path) -> None:
    golden.write(example(), tmp_path / "golden.npz")
    found = golden.read(tmp_path / "golden.npz")
    for group, other in ((found.inputs, example().inputs), (found.outputs, example().outputs)):
        assert list(group) == list(other)
        for name in group:
            np.testing.assert_array_equal(group[name], other[name])
    assert found.origins == example().origins
    np.testing.assert_array_equal(found.target, [1, 2])


def test_the_file_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        golden.write(example(), tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_plain_leaves_the_stress_rows_out() -> None:
    assert len(example().plain()) == 2


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "golden.npz"
    path.write_bytes(content)
    with pytest.raises(DamagedWorkspaceError, match=r"golden\.npz"):
        golden.read(path)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "golden.npz"
    golden.write(example(), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DamagedWorkspaceError, match=r"golden\.npz"):
        golden.read(path)
