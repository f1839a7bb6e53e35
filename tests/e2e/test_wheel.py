"""mlship is built, installed from its wheel into a clean environment, and takes a plugin from another package."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PACKAGES = CHECKOUT / "tests" / "packages"
PLUGIN, STEPS = PACKAGES / "mlship-strip", PACKAGES / "acme-steps"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment of the three wheels; the libraries are those of this one, read through a .pth file."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(CHECKOUT))
    for package in (PLUGIN, STEPS):
        run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "dist"), str(package))
    run(sys.executable, "-m", "venv", str(folder / "venv"))
    python = folder / "venv" / "bin" / "python"
    wheels = [str(wheel) for wheel in (folder / "dist").glob("*.whl")]
    run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", *wheels)
    own = run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    assert not list(Path(own).glob("mlship/templates/**/.*cache*")), "only what belongs there"
    (Path(own) / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(str(python), "-c", "import mlship; print(mlship.__file__)", cwd=folder).strip()
    assert where.startswith(own), "the wheel, not the checkout"
    return python.parent


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_the_wheel_brings_its_templates(environment: Path, trained: Path, tmp_path: Path) -> None:
    command = str(environment / "mlship")
    run(command, "convert", str(trained / "forest.joblib"), "--data", str(trained / "forest.csv"), cwd=tmp_path)
    run(command, "scaffold", cwd=tmp_path)
    assert (tmp_path / "service" / "app.py").exists()


def test_a_plugin_of_another_package_is_listed_and_used(environment: Path, trained: Path, tmp_path: Path) -> None:
    command = str(environment / "mlship")
    assert "strip (mlship-strip)" in run(command, "plugins")
    assert "keep_names" in run(command, "plugins", "show", "strip")
    run(command, "convert", str(trained / "forest.joblib"), "--data", str(trained / "forest.csv"), cwd=tmp_path)
    settings = ("--plugin", "strip", "--set", "keep_names=false", "--json")
    answer = json.loads(run(command, "optimize", *settings, cwd=tmp_path))
    record = answer["stages"]["optimize"]
    assert (record["plugin"], record["options"]["keep_names"]) == ("strip", False)
    assert record["versions"]["mlship-strip"] == "0.1"
    assert "rows agree" in run(command, "verify", cwd=tmp_path)


def test_the_author_of_a_plugin_can_run_the_contract_suite(environment: Path, tmp_path: Path) -> None:
    shutil.copytree(PLUGIN / "tests", tmp_path / "tests")
    assert "7 passed" in run(str(environment / "python"), "-m", "pytest", "-q", "tests", cwd=tmp_path)


def test_a_step_of_another_package_is_converted_by_its_own_function(environment: Path, tmp_path: Path) -> None:
    shutil.copytree(STEPS / "tests", tmp_path / "tests")
    assert "1 passed" in run(str(environment / "python"), "-m", "pytest", "-q", "tests", cwd=tmp_path)
