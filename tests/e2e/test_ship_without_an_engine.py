"""A user ships a model on a machine without containers: everything but the image, and a plain word about that."""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import QUICK, Mlship

#: What no engine and no registry here has.
BASE = ("--set", "build.base=localhost:1/python:3.11-slim")
FAST = (*QUICK, *BASE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shipped")


def test_ship_checks_the_service_as_a_process_and_leaves_a_context(mlship: Mlship, trained: Path, folder: Path) -> None:
    sample = str(trained / "forest.csv")
    command = ["ship", str(trained / "forest.joblib"), "--data", sample, "--target", "cultivar", *FAST]
    ran = mlship(*command, cwd=folder)
    assert ran.code == 0, ran.err
    assert "no image was built" in ran.err + ran.out
    image = json.loads((folder / ".mlship/build/image.json").read_text())
    assert image["built"] is False
    assert image["parity"]["passed"] is True
    context = folder / ".mlship/build/context"
    assert {"Dockerfile", "requirements.lock", "dependencies", "service", "model"} <= {
        path.name for path in context.iterdir()
    }


def test_what_has_not_changed_is_skipped_with_the_reason(mlship: Mlship, trained: Path, folder: Path) -> None:
    sample = str(trained / "forest.csv")
    command = ["ship", str(trained / "forest.joblib"), "--data", sample, "--target", "cultivar", *FAST]
    ran = mlship(*command, "--json", cwd=folder)
    assert ran.code == 0, ran.err
    skipped = {stage: done["skipped"] for stage, done in ran.json["stages"].items()}
    assert skipped == {"convert": True, "optimize": True, "scaffold": True, "benchmark": True, "build": True}
    assert "skipped, nothing has changed" in ran.err


def test_a_tag_asks_for_an_image_so_its_lack_is_exit_3(mlship: Mlship, trained: Path, folder: Path) -> None:
    ran = mlship("ship", *FAST, "-t", "forest:1", cwd=folder)
    assert ran.code == 3
    assert "error: registry 'localhost:1' cannot be reached" in ran.err
    assert "hint: " in ran.err
    assert mlship("build", *BASE, cwd=folder).code == 3


def test_from_a_stage_on_everything_runs_again(mlship: Mlship, trained: Path, folder: Path) -> None:
    ran = mlship("ship", *FAST, "--from", "benchmark", "--json", cwd=folder)
    assert ran.code == 0, ran.err
    skipped = {stage: done["skipped"] for stage, done in ran.json["stages"].items()}
    assert skipped == {"convert": True, "optimize": True, "scaffold": True, "benchmark": False, "build": False}


def test_a_deleted_service_is_written_again(mlship: Mlship, folder: Path) -> None:
    shutil.rmtree(folder / "service")
    assert mlship("status", "--json", cwd=folder).json["stages"]["scaffold"]["state"] == "gone"
    assert mlship("ship", *FAST, cwd=folder).code == 0
    assert (folder / "service" / "app.py").exists()


def test_an_edit_of_the_service_is_kept_measured_and_built(mlship: Mlship, trained: Path, folder: Path) -> None:
    readme = folder / "service" / "README.md"
    readme.write_text("mine")
    ran = mlship("ship", *FAST, "--json", cwd=folder)
    assert ran.code == 0, ran.err
    assert ran.json["stages"]["benchmark"]["reason"] == "changed: service"
    assert readme.read_text() == "mine"
    assert (folder / ".mlship/build/context/service/README.md").read_text() == "mine"


def test_an_edit_that_changes_answers_is_found_and_the_first_row_named(mlship: Mlship, folder: Path) -> None:
    encode = folder / "service" / "core" / "bodies" / "encode.py"
    text = encode.read_text()
    assert "tolist()" in text
    encode.write_text(text.replace("tolist()", "tolist()[::-1]"))
    ran = mlship("ship", *FAST, cwd=folder)
    assert ran.code == 4
    assert "first at row" in ran.err
    assert ".mlship/scaffold/service" in ran.err


def test_after_clean_the_service_is_known_and_edits_stay(mlship: Mlship, trained: Path, folder: Path) -> None:
    encode = folder / "service" / "core" / "bodies" / "encode.py"
    encode.write_text(encode.read_text().replace("tolist()[::-1]", "tolist()"))
    (folder / "service" / "README.md").write_text("mine")
    assert mlship("clean", cwd=folder).code == 0
    sample = str(trained / "forest.csv")
    ran = mlship("ship", str(trained / "forest.joblib"), "--data", sample, "--target", "cultivar", *FAST, cwd=folder)
    assert ran.code == 0, ran.err
    assert (folder / "service" / "README.md").read_text() == "mine"
