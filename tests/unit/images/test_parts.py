import os
import stat
from pathlib import Path

import pytest

from mlship.artifacts import files
from mlship.errors import BuildError
from mlship.images import parts


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
        "__pycache__/serve.pyc",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_the_model_is_a_part_of_its_own_and_tests_are_none(service: Path, tmp_path: Path) -> None:
    parts.copy(service, tmp_path / "out")
    assert files(tmp_path / "out") == [
        "model/model.onnx",
        "model/signature.json",
        "service/core/model/tests/x.py",
        "service/core/x.py",
        "service/requirements.txt",
        "service/serve.py",
    ]


@pytest.mark.parametrize("needed", ["serve.py", "requirements.txt", "model/model.onnx", "model/signature.json"])
def test_a_service_that_lacks_a_file_is_refused(needed: str, service: Path, tmp_path: Path) -> None:
    (service / needed).unlink()
    with pytest.raises(BuildError, match=needed.rpartition("/")[2]):
        parts.copy(service, tmp_path / "out")


def test_the_model_file_is_what_native_json_names(service: Path) -> None:
    (service / "model" / "native.json").write_text('{"file": "model.skops"}')
    (service / "model" / "model.skops").write_text("model")
    assert parts.model_file(service).name == "model.skops"


def test_a_strict_umask_does_not_lock_the_service_user_out(service: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        parts.copy(service, tmp_path / "out")
    finally:
        os.umask(before)
    parts.normalise(tmp_path / "out", 7)
    found = list((tmp_path / "out").rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_file()} == {0o644}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()} == {0o755}
    assert {path.stat().st_mtime for path in found} == {7}


def test_what_its_owner_may_run_all_may_run(service: Path, tmp_path: Path) -> None:
    (service / "core" / "x.py").chmod(0o700)
    parts.copy(service, tmp_path / "out")
    parts.normalise(tmp_path / "out", 7)
    assert stat.S_IMODE((tmp_path / "out" / "service" / "serve.py").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "out" / "service" / "core" / "x.py").stat().st_mode) == 0o755


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_to_a_folder_or_to_nothing_is_refused(service: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (service / "shared").symlink_to(tmp_path / target)
    with pytest.raises(BuildError, match="shared' is a link to"):
        parts.copy(service, tmp_path / "out")


@pytest.mark.parametrize("name", [".env", ".env.local", "tls/server.key", ".netrc"])
def test_passwords_and_keys_stay_out(service: Path, tmp_path: Path, name: str) -> None:
    (service / name).parent.mkdir(exist_ok=True)
    (service / name).write_text("secret")
    parts.copy(service, tmp_path / "out")
    assert not (tmp_path / "out" / "service" / name).exists()


def test_what_mlship_wrote_down_of_the_folder_stays_out(service: Path, tmp_path: Path) -> None:
    (service / ".mlship.json").write_text("{}")
    parts.copy(service, tmp_path / "out")
    assert not (tmp_path / "out" / "service" / ".mlship.json").exists()
