"""A run is killed in the middle of a stage; the next run goes on, and nothing half-written is used."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.conftest import QUICK, Mlship

STAGES = ["convert", "optimize", "scaffold", "benchmark", "build"]


def test_a_run_killed_in_any_stage_is_taken_up_again(mlship: Mlship, trained: Path, tmp_path: Path) -> None:
    command = ["ship", str(trained / "forest.joblib"), "--data", str(trained / "forest.csv"), *QUICK]
    command += ["--set", "build.base=python:3.11-slim"]
    for number, stage in enumerate(STAGES):
        killed_in(tmp_path, command, stage)  # but for the first, it has taken up what was killed a stage before
        states = mlship("status", "--json").json["stages"]
        done = [name for name, state in states.items() if state["state"] == "done"]
        assert done == STAGES[:number], f"killed in {stage}"

    ran = mlship(*command, "--json")
    assert ran.code == 0, ran.err
    assert [name for name, done in ran.json["stages"].items() if done["skipped"]] == STAGES[:-1]
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
            assert process.poll() is None, f"it ended before {stage}"
            assert time.monotonic() < end
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
