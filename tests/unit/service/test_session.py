"""How the served code runs model.onnx: as session.json says, and never with another answer."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlship import runtime

Folder = Callable[..., Path]


@pytest.fixture
def folder(scaffolded: Callable[[str], Path], tmp_path: Path) -> Folder:
    """Return a function that makes the model folder of a case, with a session.json of the given content."""

    def make(name: str, session: str) -> Path:
        shutil.copytree(scaffolded(name) / "model", tmp_path / name, dirs_exist_ok=True)
        (tmp_path / name / "session.json").write_text(session)
        return tmp_path / name

    return make


def opened(service_code: Callable[[str], Any], folder: Path) -> Any:
    return service_code("core.runtime.model").load(folder).runtime


@pytest.mark.parametrize("count", [1, 16, 17, 48, 103])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["numeric", "mixed", "texts", "switch"])
def test_blocks_of_rows_answer_what_one_run_answers(
    service_code: Callable[[str], Any], folder: Folder, cases: Mapping[str, Any], name: str, threads: int, count: int
) -> None:
    session = opened(service_code, folder(name, json.dumps({"rows_a_run": 16, "parallel_blocks": threads})))
    whole = runtime.Session(cases[name].model)
    inputs = whole.feed(cases[name].golden.inputs)
    rows = np.arange(count) % len(cases[name].golden)
    feed = {name: values[rows] for name, values in inputs.items()}
    wanted = whole.run(feed)
    found = session.run(feed, tuple(wanted))
    for output, values in wanted.items():
        assert found[output].dtype == values.dtype
        assert found[output].tolist() == values.tolist()


def test_a_large_request_is_answered_in_blocks(
    served: Callable[..., Any], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    shutil.copytree(scaffolded("numeric") / "model", tmp_path / "model")
    (tmp_path / "model" / "session.json").write_text('{"rows_a_run": 30, "parallel_blocks": 2}')
    rows = np.random.default_rng(1).uniform(0, 8, size=(100, 4)).tolist()
    wanted = served("numeric")("POST", "/predict?outputs=all", {"features": rows})
    ask = served(tmp_path)
    assert ask("POST", "/predict?outputs=all", {"features": rows}) == wanted
    assert ask("GET", "/info")[1]["threads"] == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"intra_op_num_threads": -1},
        {"intra_op_num_threads": "2"},
        {"inter_op_num_threads": None},
        {"execution_mode": "fast"},
        {"execution_mode": 1},
        {"allow_spinning": 1},
        {"enable_cpu_mem_arena": "no"},
        {"enable_mem_pattern": 0},
        {"rows_a_run": -1},
        {"rows_a_run": 0.5},
        {"rows_a_run": True},
        {"parallel_blocks": 0},
    ],
)
def test_a_value_that_cannot_be_is_named(
    service_code: Callable[[str], Any], folder: Folder, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=rf"session\.json.*{next(iter(wrong))} cannot be"):
        opened(service_code, folder("numeric", json.dumps(wrong)))


@pytest.mark.parametrize("damaged", ["{", "[]", "2", ""])
def test_a_damaged_session_file_is_named(service_code: Callable[[str], Any], folder: Folder, damaged: str) -> None:
    with pytest.raises(ValueError, match=r"the model folder .* cannot be read"):
        opened(service_code, folder("numeric", damaged))


def test_the_service_knows_the_settings_that_mlship_writes(service_code: Callable[[str], Any]) -> None:
    served = service_code("core.runtime.session").Settings()
    assert vars(served) == runtime.Settings().model_dump()


@pytest.mark.parametrize(
    ("settings", "threads"),
    [
        ({}, 1),
        ({"intra_op_num_threads": 2}, 2),
        ({"intra_op_num_threads": 0}, 0),
        ({"inter_op_num_threads": 2, "execution_mode": "parallel"}, 2),
        ({"rows_a_run": 100, "parallel_blocks": 2, "of_another_version": True}, 2),
    ],
)
def test_threads_are_those_that_work_on_a_call(
    service_code: Callable[[str], Any], folder: Folder, settings: dict[str, Any], threads: int
) -> None:
    assert opened(service_code, folder("numeric", json.dumps(settings))).threads == threads
