"""The documents tell the truth: commands run as they are written, and generated pages are up to date."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Mlship

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text("utf-8")
#: test_deploy.py tells of the pages on platforms.
PAGES = sorted(page for page in (CHECKOUT / "docs" / "how-to").glob("*.md") if not page.stem.startswith("deploy-"))

#: What stands for things that only the reader has, takes minutes, or opens a browser; test_benchmark.py tells of those.
THEIRS = (
    *("http://", "$GIT_SHA", "mypackage", "registry.example", "-t iris:1", "../main", "main.json", "--open"),
    *("--up", "--down"),
)
LONG = ("--duration", "--slo")

#: What several pages begin with, and what comes before those that begin with another stage.
SHIP = ["ship", "model.joblib", "--data", "sample.csv", "--target", "label"]
CONVERT = ["convert", "model.joblib", "--data", "sample.csv"]

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


def commands(text: str) -> list[list[str]]:
    """Return the mlship commands in the shell blocks of a page, as written, without comments and redirections."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    found = [line for line in lines if line.startswith("mlship ") and not any(it in line for it in THEIRS + LONG)]
    # serve runs until it is told to end: its story is in test_serve.py
    split = [shlex.split(line, comments=True)[1:] for line in found if not line.startswith("mlship serve")]
    return [words[: words.index(">")] if ">" in words else words for words in split]


@pytest.fixture(scope="module")
def after(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes a folder with the files that the pages speak of, after a command, once for each."""
    made: dict[tuple[str, ...], Path] = {}

    def make(*words: str) -> Path:
        if words not in made:
            made[words] = folder = tmp_path_factory.mktemp("pages")
            shutil.copy(trained / "forest.joblib", folder / "model.joblib")
            sample = (trained / "forest.csv").read_text("utf-8").replace("cultivar", "label", 1)
            (folder / "sample.csv").write_text(sample, "utf-8")
            (folder / "mlship.toml").write_text(
                "[optimize]\nseconds = 0.1\n"
                "[benchmark]\nseconds = 0.1\nstarts = 1\nsizes = [1, 100]\nconnections = [1, 64]\n"
                "[build]\nbase = 'python:3.11-slim'\n"
            )
            if words:
                program, environment = Path(sys.executable).with_name("mlship"), {**os.environ, **NO_ENGINE}
                done = subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr.decode()
        return made[words]

    return make


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_how_to_page_run_as_written(
    mlship: Mlship, after: Callable[..., Path], tmp_path: Path, page: Path
) -> None:
    found = commands(page.read_text("utf-8"))
    assert found
    if any(words[: len(SHIP)] == SHIP and "native" not in words for words in found):
        before = SHIP  # which then finds that nothing has changed
    else:
        before = [] if any("model.joblib" in words for words in found) else CONVERT
    folder = shutil.copytree(after(*before), tmp_path / "page")
    for words in found:
        ran = mlship(*words, cwd=folder)
        # on a busy machine a gate may well fire
        assert ran.code in ({0, 4} if "--fail-if" in words else {0}), f"mlship {' '.join(words)}: {ran.err}"


def test_the_commands_of_the_readme_run_as_written(mlship: Mlship, after: Callable[..., Path], tmp_path: Path) -> None:
    folder = shutil.copytree(after(*SHIP), tmp_path / "readme")
    found = commands(README)
    assert ["inspect", "model.joblib"] in found
    for words in found:
        ran = mlship(*words, cwd=folder)
        assert ran.code == 0, f"mlship {' '.join(words)}: {ran.err}"


def test_continuous_integration_calls_the_readmes_test_command() -> None:
    command = next(line for line in README.splitlines() if "python -m pytest" in line)
    assert command in (CHECKOUT / ".ci" / "run").read_text("utf-8")


def test_the_readmes_table_names_every_stage_and_its_files() -> None:
    for stage in ("convert", "optimize", "scaffold", "benchmark", "build", "deploy"):
        assert f"| {stage} |" in README


def test_the_reference_is_what_the_code_says() -> None:
    script = CHECKOUT / "scripts" / "reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
