import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlship.artifacts import digest, files
from mlship.errors import BuildError
from mlship.images import context
from mlship.images.base import Base
from mlship.signature import Signature

BASE = Base("team/base:7", "3.12", "python3", "x86_64", (2, 36), digest="sha256:" + "b" * 64)
SIGNATURE = Signature(model="Ridge", task="regressor", named=False, columns=(), tensors=(), outputs=())


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    for name in (
        "serve.py",
        "core/x.py",
        "core/model/tests/x.py",
        "requirements.txt",
        "model/model.onnx",
        "model/signature.json",
        "tests/test_x.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def write(service: Path, tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "context", **changed: object) -> Path:
        labels = context.labels(service, SIGNATURE, "team/iris:1", BASE, "abc123")
        values = {"port": 8000, "labels": labels, **changed}
        context.write(service, BASE, ["a==1 --hash=sha256:00"], values, tmp_path / name)
        return tmp_path / name

    return write


def test_a_context_holds_service_model_and_lock(write: Callable[..., Path]) -> None:
    folder = write()
    assert [name for name in files(folder) if not name.startswith("installer")] == [
        ".dockerignore",
        "Dockerfile",
        "model/model.onnx",
        "model/signature.json",
        "requirements.lock",
        "service/core/model/tests/x.py",
        "service/core/x.py",
        "service/requirements.txt",
        "service/serve.py",
    ]
    assert (folder / "requirements.lock").read_text() == "a==1 --hash=sha256:00\n"


def test_the_same_service_gives_the_same_context(write: Callable[..., Path]) -> None:
    assert digest(write("one")) == digest(write("two"))


def test_the_model_comes_last(write: Callable[..., Path]) -> None:
    last = (write() / "Dockerfile").read_text().splitlines()[-1]
    assert last == "COPY model/ model/"


def test_what_changes_with_the_model_does_not_touch_the_layers_above(write: Callable[..., Path], service: Path) -> None:
    before = (write("one") / "Dockerfile").read_text()
    (service / "model" / "model.onnx").write_text("another")
    after = (write("two") / "Dockerfile").read_text()
    assert before != after
    assert before.rpartition("LABEL")[0] == after.rpartition("LABEL")[0]


def test_labels_name_the_image_the_base_and_the_model(service: Path) -> None:
    labels = context.labels(service, SIGNATURE, "team/iris:1", BASE, "abc123")
    assert labels["org.opencontainers.image.title"] == "iris"
    assert labels["org.opencontainers.image.version"] == "1"
    assert labels["org.opencontainers.image.revision"] == "abc123"
    assert labels["org.opencontainers.image.base.name"] == "team/base:7"
    assert labels["org.opencontainers.image.base.digest"] == BASE.digest
    assert labels["io.mlship.model.sha256"] == digest(service / "model" / "model.onnx")


def test_what_is_not_known_is_no_label(service: Path) -> None:
    labels = context.labels(service, SIGNATURE, "iris:1", Base("b:1", "3.12", "python3", "x86_64", (2, 28)), None)
    assert not {"org.opencontainers.image.revision", "org.opencontainers.image.base.digest"} & labels.keys()


def test_labels_are_quoted(write: Callable[..., Path]) -> None:
    text = (write(labels={"a": 'x "y" $z'}) / "Dockerfile").read_text()
    assert r'a="x \"y\" \$z"' in text


def test_a_strict_umask_does_not_lock_the_service_user_out(write: Callable[..., Path]) -> None:
    before = os.umask(0o077)
    try:
        folder = write()
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert modes == {0o644}
    assert stat.S_IMODE((folder / "service").stat().st_mode) == 0o755


def test_the_installer_runs_from_its_archive(write: Callable[..., Path]) -> None:
    command = [sys.executable, "-I", str(write() / context.INSTALLER / "pip"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "pip.zip" in done.stdout


@pytest.mark.parametrize("needed", ["serve.py", "requirements.txt", "model/model.onnx", "model/signature.json"])
def test_a_service_that_lacks_a_file_is_refused(needed: str, write: Callable[..., Path], service: Path) -> None:
    (service / needed).unlink()
    with pytest.raises((BuildError, FileNotFoundError), match=needed.rpartition("/")[2]):
        write(labels={})
