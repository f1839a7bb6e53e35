import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import ModelError
from mlship.trials.models import Model
from mlship.trials.rivals import compare_models


def stopping_after(rounds: int, stop: threading.Event) -> Any:
    """Return a progress callback that stops at the last of so many rounds."""
    told = []

    def progress(message: str, fraction: float | None = None) -> None:
        told.append(message)
        if len(told) == rounds:
            stop.set()

    return progress


def test_two_models_are_compared_size_by_size(cases: Mapping[str, Any], tmp_path: Path) -> None:
    model, stop = Model(cases["numeric"].write(tmp_path)["onnx"]), threading.Event()
    progress = stopping_after(2, stop)
    found = compare_models(model, model, cases["numeric"].golden, sizes=(1, 10), progress=progress, stop=stop)
    assert {(each.metric, each.load) for each in found.ratios} == {
        (metric, load) for metric in ("p50", "throughput") for load in ("1 row", "10 rows")
    }
    assert {len(each.rounds) for each in found.ratios} == {2}
    assert all(each.low <= each.estimate <= each.high for each in found.ratios)
    assert {each.of for each in found.measurements} == {"this", "other"}


def test_stopped_before_the_first_round_it_says_so(cases: Mapping[str, Any], tmp_path: Path) -> None:
    model, stop = Model(cases["numeric"].write(tmp_path)["onnx"]), threading.Event()
    stop.set()
    found = compare_models(model, model, cases["numeric"].golden, progress=stopping_after(9, stop), stop=stop)
    assert found.ratios == ()
    assert found.notes == ("the comparison was stopped before its first round was over",)


def test_a_model_that_does_not_load_is_an_error(cases: Mapping[str, Any], tmp_path: Path) -> None:
    model = Model(cases["numeric"].write(tmp_path)["onnx"])
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError):
        compare_models(
            model,
            Model(tmp_path / "broken.onnx"),
            cases["numeric"].golden,
            progress=stopping_after(1, threading.Event()),
        )
