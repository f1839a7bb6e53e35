"""A user allows a small loss, gets a smaller model, and the service is held against what is really served."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from tests.e2e.conftest import QUICK_BENCHMARK, Mlship

QUICK = ("--set", "seconds=0.1", "--time-budget", "20")


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which a forest is converted."""
    folder = tmp_path_factory.mktemp("converted")
    rows, labels = load_digits(return_X_y=True)
    joblib.dump(RandomForestClassifier(60, random_state=0).fit(rows[:900], labels[:900]), folder / "forest.joblib")
    frame = pd.DataFrame(rows[900:]).add_prefix("p").assign(digit=labels[900:])
    frame.to_csv(folder / "digits.csv", index=False)
    command = [str(Path(sys.executable).with_name("mlship")), "convert", "forest.joblib"]
    subprocess.run([*command, "--data", "digits.csv", "--target", "digit"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def converted(once: Path, tmp_path: Path) -> Path:
    """Return the folder of the test, as a copy of that workspace."""
    return Path(shutil.copytree(once, tmp_path, dirs_exist_ok=True))


def test_explaining_tries_nothing(mlship: Mlship, converted: Path) -> None:
    ran = mlship("optimize", "--explain")
    assert ran.code == 0, ran.err
    assert "nothing to quantize" in ran.out
    assert not (converted / ".mlship/optimize").exists()
    methods = mlship("optimize", "--explain", "--json").json["methods"]
    applies = {name: method["applies"] for name, method in methods.items()}
    assert (applies["graph"], applies["distill"], applies["quantize"]) == (True, False, False)


def test_what_is_given_up_is_said_and_the_service_gives_these_answers(mlship: Mlship, converted: Path) -> None:
    budget = ("--max-accuracy-drop", "2%", "--objective", "size", "--method", "graph,prune")
    ran = mlship("optimize", *budget, *QUICK)
    assert ran.code == 0, ran.err
    assert "not all answers are the original's any more" in ran.err
    assert ran.out.splitlines()[0].split() == [
        "candidate", "share", "of", "right", "labels", "other", "labels", "size", "1", "row", "100", "rows",
    ]  # fmt: skip
    assert "kept" in ran.out
    before = (converted / ".mlship/convert/model.onnx").stat().st_size
    assert (converted / ".mlship/optimize/model.onnx").stat().st_size < before

    assert mlship("scaffold").code == 0
    ran = mlship("benchmark", *QUICK_BENCHMARK)
    assert ran.code == 0, ran.err
    assert "the optimised model is not quite the original: accuracy" in ran.err
    report = json.loads((converted / ".mlship/benchmark/report/report.json").read_text())
    assert report["parity"]["passed"] is True
    ran = mlship("verify")
    assert (ran.code, "the optimised model, accuracy" in ran.out) == (0, True), ran.err
    assert mlship("verify", "--onnx", ".mlship/convert/model.onnx").code == 4

    assert mlship("optimize", *budget, *QUICK).err.startswith("= optimize   skipped")
    assert mlship("clean").code == 0
    assert not (converted / ".mlship").exists()


def test_a_gate_that_no_candidate_meets_ends_in_4_and_keeps_the_candidates(mlship: Mlship, converted: Path) -> None:
    ran = mlship("optimize", "--max-size", "1kB", "--method", "graph", *QUICK)
    assert ran.code == 4
    assert "no candidate meets what was asked" in ran.err
    assert (converted / ".mlship/failed/optimize/candidates/candidates.html").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--max-accuracy-drop", "lots"), "'max_accuracy_drop' cannot be 'lots'"),
        (("--objective", "speed"), "'objective' cannot be 'speed'"),
        (("--batch", "1,many"), "cannot be 'many'"),
        (("--method", "prunes"), "did you mean 'prune'?"),
        (("--target", "price"), "no column 'price'"),
    ],
)
def test_what_cannot_be_is_named(mlship: Mlship, converted: Path, options: tuple[str, ...], words: str) -> None:
    ran = mlship("optimize", *options)
    assert ran.code == 2
    assert words in ran.err
