"""A newcomer types ``mlship demo`` and reads the screen."""

import json
from pathlib import Path

from tests.e2e.conftest import QUICK, Mlship


def test_the_demo_goes_through_every_stage(mlship: Mlship, tmp_path: Path) -> None:
    ran = mlship("demo", *QUICK, "--set", "build.base=python:3.11-slim")
    assert ran.code == 0, ran.err
    lock = json.loads((tmp_path / "mlship-demo" / "mlship.lock").read_text())
    assert list(lock["stages"]) == ["convert", "optimize", "scaffold", "benchmark", "build"]
    assert "mlship-demo/" in ran.err
    assert "curl localhost:8000/predict" in ran.out
