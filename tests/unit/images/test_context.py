from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlship.artifacts import digest, files
from mlship.images import context, parts
from mlship.images.plan import Plan


@pytest.fixture
def write(plan: Plan, tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "context", **changed: Any) -> Path:
        folder = tmp_path / name
        parts.copy(tmp_path / "service", folder)
        (folder / parts.DEPENDENCIES).mkdir()
        (folder / parts.DEPENDENCIES / "a.py").write_text("")
        context.write(replace(plan, **changed), folder, 0)
        return folder

    return write


def test_a_context_holds_all_parts_and_the_lock(write: Callable[..., Path]) -> None:
    folder = write()
    assert files(folder) == [
        ".dockerignore",
        "Dockerfile",
        "dependencies/a.py",
        "model/model.onnx",
        "model/signature.json",
        "requirements.lock",
        "service/requirements.txt",
        "service/serve.py",
    ]
    assert (folder / "requirements.lock").read_text() == "a==1 --hash=sha256:00\n"
    assert (folder / "Dockerfile").stat().st_mtime == 0


def test_the_same_plan_gives_the_same_context(write: Callable[..., Path]) -> None:
    assert digest(write("one")) == digest(write("two"))


def test_the_model_comes_last(write: Callable[..., Path]) -> None:
    last = (write() / "Dockerfile").read_text().splitlines()[-1]
    assert last == "COPY model/ /opt/app/service/model/"


def test_what_changes_with_the_model_does_not_touch_the_layers_above(write: Callable[..., Path], plan: Plan) -> None:
    before = (write("one") / "Dockerfile").read_text()
    after = (write("two", labels={**plan.labels, "io.mlship.model.sha256": "another"}) / "Dockerfile").read_text()
    assert before != after
    assert before.rpartition("LABEL")[0] == after.rpartition("LABEL")[0]


def test_labels_are_quoted(write: Callable[..., Path]) -> None:
    text = (write(labels={"a": 'x "y" $z'}) / "Dockerfile").read_text()
    assert r'a="x \"y\" \$z"' in text
