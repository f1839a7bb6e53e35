"""A user gives what cannot work: each thing has its own clear error, and the workspace is as it was."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn

from tests.e2e.conftest import Mlship, Ran

WRITE_HOSTILE = """
import joblib, os, sys
class Hostile:
    def __reduce__(self):
        return os.system, ("touch ran",)
joblib.dump(Hostile(), sys.argv[1])
"""


def convert(mlship: Mlship, model: Path, sample: Path | None = None, *more: str, **variables: str) -> Ran:
    return mlship("convert", str(model), *(["--data", str(sample)] if sample else []), *more, **variables)


def assert_refused(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err


@pytest.fixture
def forest(trained: Path) -> tuple[Path, Path]:
    return trained / "forest.joblib", trained / "forest.csv"


def test_a_missing_column_is_named(mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path) -> None:
    lines = [",".join(line.split(",")[1:]) for line in forest[1].read_text().splitlines()]
    (tmp_path / "cut.csv").write_text("\n".join(lines))
    assert_refused(convert(mlship, forest[0], tmp_path / "cut.csv"), 2, "'alcohol'")


@pytest.mark.parametrize(
    ("content", "word"), [("", "is empty"), ("alcohol,ash\n", "no rows"), ("\x00\x01\xff", "sample.csv")]
)
def test_a_sample_without_rows_is_refused(
    mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path, content: str, word: str
) -> None:
    (tmp_path / "sample.csv").write_text(content, "latin-1")
    assert_refused(convert(mlship, forest[0], tmp_path / "sample.csv"), 2, word)


def test_a_target_that_is_not_there_is_named(mlship: Mlship, forest: tuple[Path, Path]) -> None:
    assert_refused(convert(mlship, *forest, "--target", "cultivars"), 2, "'cultivars'")


def test_the_target_among_the_features_is_guessed(mlship: Mlship, trained: Path, tmp_path: Path) -> None:
    rows = np.load(trained / "linear.npy")
    np.save(tmp_path / "wide.npy", np.hstack([rows, rows[:, :1]]))
    assert_refused(convert(mlship, trained / "linear.joblib", tmp_path / "wide.npy"), 2, "11 columns", "10", "--target")


def test_files_that_are_not_there_are_named(mlship: Mlship, forest: tuple[Path, Path]) -> None:
    assert_refused(convert(mlship, Path("nowhere.joblib")), 2, "nowhere.joblib")
    assert_refused(convert(mlship, forest[0], Path("nowhere.csv")), 2, "nowhere.csv")


@pytest.mark.parametrize("keep", [0, 10, 5000])
def test_a_truncated_model_is_named(mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path, keep: int) -> None:
    (tmp_path / "cut.joblib").write_bytes(forest[0].read_bytes()[:keep])
    assert_refused(convert(mlship, tmp_path / "cut.joblib", forest[1]), 1, "cut.joblib")
    assert not (tmp_path / "mlship.lock").exists()


def test_a_model_that_runs_code_on_load_is_stopped_before_it_is_loaded(mlship: Mlship, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITE_HOSTILE, str(tmp_path / "hostile.joblib")], check=True)
    for command in ("convert", "ship", "inspect"):
        ran = mlship(command, str(tmp_path / "hostile.joblib"))
        assert ran.code == (0 if command == "inspect" else 1)
        assert "posix.system" in ran.err + ran.out
        assert "--trust posix.system" in ran.err + ran.out
    assert not (tmp_path / "ran").exists()


def test_a_model_of_another_scikit_learn_is_said_before_it_is_loaded(
    mlship: Mlship, trained: Path, tmp_path: Path
) -> None:
    here, other = sklearn.__version__.encode(), b"1.0.0"
    assert len(here) == len(other), "the version is replaced in place"
    (tmp_path / "old.joblib").write_bytes((trained / "linear.joblib").read_bytes().replace(here, other))
    ran = convert(mlship, tmp_path / "old.joblib", trained / "linear.npy")
    assert "old.joblib was saved with scikit-learn 1.0.0" in ran.err


def test_a_misspelt_option_gets_the_nearest_name(mlship: Mlship, forest: tuple[Path, Path]) -> None:
    assert_refused(convert(mlship, *forest, "--set", "golden_row=5"), 2, "did you mean 'golden_rows'?")
    assert_refused(mlship("statsu"), 2, "Did you mean 'status'?")
    assert_refused(convert(mlship, *forest, "--plugin", "onxx"), 2, "did you mean 'onnx'?")


def test_a_stage_before_its_time_says_what_comes_first(mlship: Mlship) -> None:
    for command in ("optimize", "scaffold", "benchmark", "build", "verify"):
        assert_refused(mlship(command), 2, "hint: mlship")


def test_an_artifact_changed_by_hand_is_noticed(mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path) -> None:
    assert convert(mlship, *forest).code == 0
    (tmp_path / ".mlship/convert/model.onnx").write_bytes(b"changed")
    assert_refused(mlship("scaffold"), 1, ".mlship/convert/model.onnx", "mlship convert --force")
    assert_refused(convert(mlship, *forest), 1, "was changed")
    assert "convert    damaged" in mlship("status").out
    assert convert(mlship, *forest, "--force").code == 0


def test_a_damaged_lock_is_named_and_kept(mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "mlship.lock").write_text("{")
    assert_refused(convert(mlship, *forest), 1, "mlship.lock")
    assert (tmp_path / "mlship.lock").read_text() == "{"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("size", ["12k", "24k", "40k"])
def test_a_full_disk_is_told_and_the_workspace_stays_whole(
    mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path, size: str
) -> None:
    """A small file system, mounted where the test may, stands for the disk."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting needs root: {mounted.stderr.decode().strip()}")
    try:
        ran = mlship("convert", str(forest[0]), "--data", str(forest[1]), "-w", "small", cwd=tmp_path)
        assert_refused(ran, 1, "disk is full")
        assert not list((small / ".mlship").glob("convert*"))
        assert not (small / "mlship.lock").exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_read_only_folder_is_named(mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path) -> None:
    fixed = tmp_path / "fixed"
    fixed.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(fixed)], check=False, capture_output=True
    )
    if mounted.returncode:
        fixed.chmod(0o555)
    try:
        ran = mlship("convert", str(forest[0]), "--data", str(forest[1]), "-w", "fixed", cwd=tmp_path)
        assert_refused(ran, 1, "no permission to write", "-w DIR")
    finally:
        if mounted.returncode:
            fixed.chmod(0o755)
        else:
            subprocess.run(["umount", str(fixed)], check=True)
        shutil.rmtree(fixed)


def test_errors_are_json_too_when_asked(mlship: Mlship) -> None:
    ran = mlship("convert", "nowhere.joblib", "--json")
    assert ran.json["error"]["exit_code"] == ran.code == 2
    assert "nowhere.joblib" in ran.json["error"]["message"]


WRITE = """
import joblib
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
class Mine(LinearRegression):
    pass
fitted = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
things = {
    "dict": {"model": fitted},
    "list": [fitted, fitted],
    "array": fitted.coef_,
    "class": LinearRegression,
    "unfitted": RandomForestClassifier(),
    "unfitted pipeline": make_pipeline(StandardScaler(), LinearRegression()),
    "mine": Mine().fit([[0.0], [1.0]], [0.0, 1.0]),
}
for name, thing in things.items():
    joblib.dump(thing, f"{name}.joblib")
"""


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files of what is no fitted model."""
    folder = tmp_path_factory.mktemp("things")
    subprocess.run([sys.executable, "-c", WRITE], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ("dict", ["holds a dict, not a model", "save the fitted estimator itself"]),
        ("list", ["holds a list, not a model", "save the fitted estimator itself"]),
        ("array", ["holds a numpy.ndarray, not a model", "save the fitted estimator itself"]),
        ("class", ["LinearRegression, not a model", "save the fitted estimator itself"]),
        ("unfitted", ["holds a RandomForestClassifier that is not fitted", "save it after fit"]),
        ("unfitted pipeline", ["holds a Pipeline that is not fitted", "save it after fit"]),
        ("mine", ["__main__.Mine", "--trust __main__.Mine --code the_script_that_saved_it.py"]),
    ],
)
def test_what_is_no_fitted_model_is_named(
    mlship: Mlship, things: Path, tmp_path: Path, thing: str, words: list[str]
) -> None:
    shutil.copy(things / f"{thing}.joblib", tmp_path / "model.joblib")
    assert_refused(convert(mlship, tmp_path / "model.joblib"), 1, "'model.joblib'", *words)


def test_a_sample_of_one_row_will_do(mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("".join(forest[1].read_text().splitlines(keepends=True)[:2]))
    ran = convert(mlship, forest[0], tmp_path / "one.csv", "--target", "cultivar")
    assert ran.code == 0, ran.err


def test_a_conversion_that_takes_too_long_is_stopped(mlship: Mlship, forest: tuple[Path, Path], tmp_path: Path) -> None:
    ran = convert(mlship, *forest, "--set", "time_limit=0.2")
    assert_refused(ran, 1, "took longer than 0.2 s", "--set time_limit=SECONDS")
    listed = subprocess.run(["ps", "ax", "-o", "args"], check=True, capture_output=True, text=True).stdout
    assert str(tmp_path) not in listed
    assert not (tmp_path / "mlship.lock").exists()


TRAIN_LARGE = """
import sys
import joblib, numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeRegressor
if sys.argv[1] == "5,000 trees":
    rows, answers = load_iris(return_X_y=True)
    model = RandomForestClassifier(5000, max_depth=3, random_state=0).fit(rows, answers)
else:
    rows = np.arange(1000.0)[:, None]
    model = DecisionTreeRegressor().fit(rows, 3.0 ** np.minimum(rows[:, 0], 600))
    assert model.get_depth() == 999
joblib.dump(model, "model.joblib")
np.save("rows.npy", rows)
"""


@pytest.mark.parametrize("kind", ["5,000 trees", "1,000 deep"])
def test_many_trees_and_deep_ones_are_fine(mlship: Mlship, tmp_path: Path, kind: str) -> None:
    subprocess.run([sys.executable, "-c", TRAIN_LARGE, kind], cwd=tmp_path, check=True)
    ran = convert(mlship, tmp_path / "model.joblib", tmp_path / "rows.npy")
    assert ran.code == 0, ran.err
    assert "largest difference 0" in ran.err
