"""A user converts a model in an empty folder, goes on stage by stage, and looks at what lies there."""

import json
import shutil
from pathlib import Path

from tests.e2e.conftest import QUICK_BENCHMARK, Mlship


def test_each_stage_picks_up_what_the_last_one_left(mlship: Mlship, trained: Path, tmp_path: Path) -> None:
    ran = mlship("convert", str(trained / "mixed.joblib"), "--data", str(trained / "mixed.csv"), "--target", "survived")
    assert ran.code == 0, ran.err
    assert "rows agree" in ran.out

    assert mlship("optimize", "--set", "seconds=0.1").code == 0
    assert mlship("scaffold").out.startswith("service/")
    ran = mlship("benchmark", *QUICK_BENCHMARK, "--json")
    assert ran.code == 0, ran.err
    assert ran.json["stages"]["benchmark"]["outputs"]["report"]["path"] == ".mlship/benchmark/report"
    assert {path.name for path in (tmp_path / ".mlship/benchmark/report").iterdir()} == {
        "report.csv",
        "report.html",
        "report.json",
        "report.md",
    }

    report = json.loads((tmp_path / ".mlship/benchmark/report/report.json").read_text())
    assert "original" in {each["of"] for each in report["calls"]}, report["notes"]
    assert report["parity"]["passed"] is True

    ran = mlship("verify")
    assert (ran.code, "rows agree" in ran.out) == (0, True)
    states = mlship("status", "--json").json["stages"]
    assert {stage: state["state"] for stage, state in states.items()} == {
        "convert": "done",
        "optimize": "done",
        "scaffold": "done",
        "benchmark": "done",
        "build": "not run",
    }
    assert mlship("clean").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["service"]


def test_quiet_answers_with_the_path_alone_and_nothing_on_standard_error(mlship: Mlship, trained: Path) -> None:
    ran = mlship("convert", str(trained / "linear.joblib"), "--data", str(trained / "linear.npy"), "-q")
    assert (ran.code, ran.out, ran.err) == (0, ".mlship/convert/model.onnx\n", "")


def test_without_data_rows_are_made_up_and_the_report_says_so(mlship: Mlship, trained: Path) -> None:
    ran = mlship("convert", str(trained / "mixed.joblib"), "--json")
    assert ran.code == 0, ran.err
    assert ran.json["stages"]["convert"]["facts"]["synthetic"] is True
    assert "made up" in ran.err


def test_a_user_with_mlship_toml_needs_no_arguments(mlship: Mlship, trained: Path, tmp_path: Path) -> None:
    ran = mlship("init", str(trained / "forest.joblib"), "--data", str(trained / "forest.csv"), "--target", "cultivar")
    assert ran.code == 0, ran.err
    assert mlship("convert").code == 0
    again = mlship("init")
    assert (again.code, "there is a 'mlship.toml' already" in again.err) == (2, True)


def test_verify_finds_another_model(mlship: Mlship, trained: Path, tmp_path: Path) -> None:
    mlship("convert", str(trained / "linear.joblib"), "--data", str(trained / "linear.npy"))
    (tmp_path / "other").mkdir()
    sample = str(trained / "forest.csv")
    ran = mlship("convert", str(trained / "forest.joblib"), "--data", sample, "-w", "other")
    assert ran.code == 0, ran.err
    ran = mlship("verify", "--onnx", "other/.mlship/convert/model.onnx")
    assert ran.code in (1, 4)
    assert ran.err.startswith("error:")


def test_no_control_codes_where_there_is_no_terminal(mlship: Mlship, trained: Path) -> None:
    ran = mlship("convert", str(trained / "linear.joblib"), "--data", str(trained / "linear.npy"), "-v")
    assert "\x1b" not in ran.out + ran.err
    assert "convert: first run" in ran.err


def test_status_says_what_a_retrained_model_puts_out_of_date(mlship: Mlship, trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "linear.joblib", tmp_path / "model.joblib")
    assert mlship("convert", "model.joblib", "--data", str(trained / "linear.npy")).code == 0
    assert mlship("scaffold").code == 0
    shutil.copy(trained / "forest.joblib", tmp_path / "model.joblib")
    states = mlship("status", "--json").json["stages"]
    assert states["convert"] == {"state": "out of date", "changed": ["model.joblib"]}
    assert states["scaffold"] == {"state": "out of date", "changed": ["convert"]}
