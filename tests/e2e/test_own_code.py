"""A model that refers to code of the user's own: a function of the script that saved it, or of a module."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Mlship

SCORING = """
def my_score(model, rows, answers):
    return float((model.predict(rows) == answers).mean())
"""

TRAINING = """
if __name__ == "__main__":
    import joblib, sys
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    rows, answers = load_iris(return_X_y=True, as_frame=True)
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1.0]}, scoring=my_score)
    joblib.dump(search.fit(rows, answers), "search.joblib")
    rows.to_csv("rows.csv", index=False)
    print("trained")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _train(folder: Path, script: str) -> None:
    done = subprocess.run([sys.executable, script], cwd=folder, check=True, capture_output=True, text=True)
    assert done.stdout == "trained\n"


def test_a_function_of_the_script_that_saved_the_model(mlship: Mlship, folder: Path) -> None:
    (folder / "train_it.py").write_text(SCORING + TRAINING)
    _train(folder, "train_it.py")
    command = ("convert", "search.joblib", "--data", "rows.csv")
    refused = mlship(*command)
    assert refused.code == 1
    assert "--trust __main__.my_score --code" in refused.err
    trusted = (*command, "--trust", "__main__.my_score")
    assert "my_score" in mlship(*trusted).err
    done = mlship(*trusted, "--code", "train_it.py", "-v")
    assert done.code == 0, done.err
    assert "trained" not in done.err
    assert "skipped" in mlship(*command, "--code", "train_it.py").err
    (folder / "train_it.py").write_text("# another\n" + SCORING + TRAINING)
    assert "changed: code" in mlship(*command, "-v").err, "the code is remembered with the model"


@pytest.mark.parametrize("code", ["my_scoring.py", "."])
def test_a_function_of_a_module(mlship: Mlship, folder: Path, code: str) -> None:
    (folder / "my_scoring.py").write_text(SCORING)
    (folder / "train_it.py").write_text("from my_scoring import my_score\n" + TRAINING)
    _train(folder, "train_it.py")
    command = ("convert", "search.joblib", "--data", "rows.csv")
    assert "--trust my_scoring.my_score --code my_scoring.py" in mlship(*command).err
    (folder / "mlship.toml").write_text(f'[project]\ncode = "{code}"\ntrust = ["my_scoring.my_score"]\n')
    done = mlship(*command)
    assert done.code == 0, done.err
    assert "skipped" in mlship(*command).err
    assert not list(folder.glob("__pycache__/train_it*"))


def test_code_takes_the_place_of_nothing_that_is_installed(mlship: Mlship, folder: Path) -> None:
    (folder / "train_it.py").write_text(SCORING + TRAINING)
    _train(folder, "train_it.py")
    (folder / "numpy.py").write_text("raise SystemExit('I posed as numpy')")
    ran = mlship("convert", "search.joblib", "--data", "rows.csv", "--trust", "__main__.my_score", "--code", "numpy.py")
    assert ran.code == 2
    assert "there is an installed module 'numpy'" in ran.err


def test_code_without_what_the_model_needs_is_named(mlship: Mlship, folder: Path) -> None:
    (folder / "train_it.py").write_text(SCORING + TRAINING)
    _train(folder, "train_it.py")
    command = ("convert", "search.joblib", "--data", "rows.csv", "--trust", "__main__.my_score", "--code")
    (folder / "other.py").write_text("")
    assert "Can't get attribute 'my_score' on 'other.py'" in mlship(*command, "other.py").err
    assert "the model needs 'my_score' of the script that saved it" in (lost := mlship(*command[:-1]).err)
    assert "--code path/to/that/script.py" in lost
    (folder / "makes.py").write_text("def make():\n    return len\nmy_score = make()\n")
    assert "'makes.py' makes 'my_score' by a statement that mlship does not run" in mlship(*command, "makes.py").err
    assert "'nowhere.py' is not there" in mlship(*command, "nowhere.py").err
    assert "has no Python file" in mlship(*command, str(folder.joinpath("empty").mkdir() or "empty")).err


def test_a_script_does_not_train_and_save_again(mlship: Mlship, folder: Path) -> None:
    bare = TRAINING.replace('if __name__ == "__main__":\n', "").replace("\n    ", "\n").lstrip()
    (folder / "train_it.py").write_text(SCORING + bare)
    _train(folder, "train_it.py")
    before = {path: path.stat().st_mtime_ns for path in (folder / "search.joblib", folder / "rows.csv")}
    done = mlship(
        "convert", *["search.joblib", "--data", "rows.csv", "--trust", "__main__.my_score", "--code", "train_it.py"]
    )
    assert done.code == 0, done.err
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_module_that_is_not_here_is_named_with_the_way(mlship: Mlship, folder: Path) -> None:
    (folder / "my_scoring.py").write_text(SCORING)
    (folder / "train_it.py").write_text("from my_scoring import my_score\n" + TRAINING)
    _train(folder, "train_it.py")
    lost = mlship("convert", "search.joblib", "--data", "rows.csv", "--trust", "my_scoring.my_score").err
    assert "there is no module 'my_scoring' here" in lost
    assert "--code FOLDER (the one that contains my_scoring), or pip install" in lost
