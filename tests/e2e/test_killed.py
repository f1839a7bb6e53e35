"""A run is killed in the middle of a stage; the next run goes on, and nothing half-written is used."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Mlship

STAGES = ["convert", "optimize", "scaffold", "benchmark", "build"]
FAST = (
    "--set",
    "optimize.seconds=0.3",
    "--set",
    "benchmark.seconds=0.3",
    "--set",
    "benchmark.starts=1",
    "--set",
    "build.base=python:3.11-slim",
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_in_a_stage_is_taken_up_again(mlship: Mlship, trained: Path, tmp_path: Path, stage: str) -> None:
    command = ["ship", str(trained / "forest.joblib"), "--data", str(trained / "forest.csv"), *FAST]
    killed_in(tmp_path, command, stage)
    before = STAGES[: STAGES.index(stage)]

    states = mlship("status", "--json").json["stages"]
    assert [name for name, state in states.items() if state["state"] == "done"] == before

    ran = mlship(*command, "--json")
    assert ran.code == 0, ran.err
    assert [name for name, done in ran.json["stages"].items() if done["skipped"]] == before
    assert not (tmp_path / ".mlship" / "tmp").exists() or not list((tmp_path / ".mlship" / "tmp").iterdir())
    assert mlship("verify").code == 0


def killed_in(folder: Path, command: list[str], stage: str) -> None:
    """Run the command and kill it, and all that it started, as soon as the stage has begun to write."""
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    executable = str(Path(sys.executable).with_name("mlship"))
    with subprocess.Popen(
        [executable, *command], cwd=folder, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        end = time.monotonic() + 300
        while not list((folder / ".mlship" / "tmp").glob(f"{stage}-*")):
            assert process.poll() is None, "it ended before that stage"
            assert time.monotonic() < end
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
