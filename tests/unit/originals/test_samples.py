import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlship.errors import DataError
from mlship.originals import samples

FRAME = pd.DataFrame({"id": ["007", "042"], "x": [0.25, 1e-300]})


def write(path: Path) -> Path:
    if path.suffix == ".parquet":
        FRAME.to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in FRAME.to_dict(orient="records")))
    elif path.suffix == ".tsv":
        FRAME.to_csv(path, sep="\t", index=False)
    else:
        FRAME.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_frames_are_read_with_text_kept_as_text(tmp_path: Path, suffix: str) -> None:
    found = samples.read(write(tmp_path / f"sample{suffix}"), text_columns=["id"])
    assert isinstance(found, pd.DataFrame)
    assert list(found["x"])[:1] == [0.25]
    assert list(found["id"]) == ["007", "042"]


@pytest.mark.parametrize("name", ["rows.npy", "rows.npz"])
def test_arrays_are_read_as_rows_and_columns(tmp_path: Path, name: str) -> None:
    rows = np.arange(6.0).reshape(3, 2)
    if name.endswith("npy"):
        np.save(tmp_path / name, rows)
    else:
        np.savez(tmp_path / name, y=np.zeros(3), X=rows)
    np.testing.assert_array_equal(samples.read(tmp_path / name), rows)


def test_an_array_that_would_run_code_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"rows\.npy"):
        samples.read(tmp_path / "rows.npy")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("sample.csv", b"", "is empty"),
        ("sample.csv", b"a,b\n", "has no rows"),
        ("sample.csv", b'a\n"1', "cannot be read"),
        ("sample.csv", b"a\n\xff\xfe\n", "cannot be read"),
        ("sample.jsonl", b"{", "cannot be read"),
        ("sample.npy", b"", "cannot be read"),
        ("sample.npz", b"PK", "cannot be read"),
        ("sample.parquet", b"PAR1", "cannot be read"),
        ("sample.xlsx", b"", "no known ending"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name) as caught:
        samples.read(tmp_path / name)
    assert words in caught.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        samples.read(tmp_path / "sample.csv")


def test_three_dimensions_are_no_sample(tmp_path: Path) -> None:
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    with pytest.raises(DataError, match=r"\(2, 2, 2\)"):
        samples.read(tmp_path / "cube.npy")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfx,y\n1,2\n", b"x;y\n1;2\n", b"x\ty\n1\t2\n", b"x,y\r\n1,2\r\n"])
def test_marks_and_separators_of_spreadsheets_are_understood(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sample.csv").write_bytes(content)
    found = samples.read(tmp_path / "sample.csv")
    assert isinstance(found, pd.DataFrame)
    assert found.to_dict(orient="list") == {"x": [1], "y": [2]}


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sample.csv").write_text("x,y,x\n1,2,3\n")
    with pytest.raises(DataError, match="more than one column 'x'"):
        samples.read(tmp_path / "sample.csv")


def test_another_array_of_an_archive_is_the_target(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", X=np.zeros((2, 2)), y=np.array([7, 8]))
    found = samples.read(tmp_path / "rows.npz", target="y")
    assert isinstance(found, pd.DataFrame)
    assert found["y"].tolist() == [7, 8]
    assert found.attrs[samples.UNNAMED]
    np.savez(tmp_path / "rows.npz", X=np.zeros((2, 2)), y=np.zeros(3))
    with pytest.raises(DataError, match="'X' has 2 rows, 'y' has 3"):
        samples.read(tmp_path / "rows.npz", target="y")


def test_a_very_long_cell_is_read(tmp_path: Path) -> None:
    (tmp_path / "sample.csv").write_text(f"x,y\n{'a' * 10_000_000},1\n")
    found = samples.read(tmp_path / "sample.csv")
    assert isinstance(found, pd.DataFrame)
    assert len(found["x"][0]) == 10_000_000
