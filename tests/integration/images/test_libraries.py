"""The libraries of real services, from a real index: one platform or the other, the same every time, small, and enough.

What is measured is a service's folder of libraries as it lies in an image.
"""

import http.server
import os
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.artifacts import digest
from mlship.errors import BuildError
from mlship.images.base import Base
from mlship.images.libraries import bytecode
from mlship.images.libraries.slimming import slim
from mlship.images.libraries.wheels import lock, unpack
from mlship.replay import replay
from mlship.serving import running

MINOR = f"3.{sys.version_info.minor}"
#: What e_machine of an ELF header says (System V ABI).
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}


def base(machine: str = "x86_64") -> Base:
    return Base("base", MINOR, "python3", machine, (2, 36))


def libraries(requirements: Path, out: Path, machine: str = "x86_64", *, link: bool = False) -> Path:
    """Put the libraries into ``out`` as the builders do."""
    unpack(lock(requirements, base(machine)), base(machine), out, link=link)
    slim(out, requirements)
    python = bytecode.find(MINOR)
    assert python is not None
    bytecode.compile_folder(out, "/opt/app/lib", python)
    return out


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest(path) for path in folder.rglob("*") if path.is_file()}


def python_of(folder: Path, place: Path) -> str:
    """Write a program that is this Python with the libraries of ``folder`` alone."""
    place.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}" PYTHONNOUSERSITE=1 exec "{sys.executable}" -S "$@"\n')
    place.chmod(0o755)
    return str(place)


@pytest.fixture(scope="module")
def made(scaffolded: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that gives the libraries of a web framework for a machine, made once."""
    kept: dict[tuple[str, str], Path] = {}

    def make(framework: str = "fastapi", machine: str = "x86_64") -> Path:
        if (framework, machine) not in kept:
            requirements = scaffolded("numeric", framework) / "requirements.txt"
            kept[framework, machine] = libraries(requirements, tmp_path_factory.mktemp("lib"), machine)
        return kept[framework, machine]

    return make


@pytest.mark.parametrize("machine", ELF_MACHINES)
def test_all_binaries_are_for_the_machine_of_the_image(machine: str, made: Callable[..., Path]) -> None:
    heads = [path.read_bytes()[:20] for path in made(machine=machine).rglob("*") if path.is_file()]
    machines = {struct.unpack_from("<H", head, 18)[0] for head in heads if head.startswith(b"\x7fELF")}
    assert machines == {ELF_MACHINES[machine]}


def test_two_folders_hold_the_same_bytes(
    made: Callable[..., Path], scaffolded: Callable[..., Path], tmp_path: Path
) -> None:
    again = libraries(scaffolded("numeric") / "requirements.txt", tmp_path / "again")
    assert contents(again) == contents(made())


def test_files_of_uvs_cache_are_not_changed_by_what_is_made_of_links_to_them(
    made: Callable[..., Path], scaffolded: Callable[..., Path], tmp_path: Path
) -> None:
    requirements = scaffolded("numeric") / "requirements.txt"
    locked = lock(requirements, base())
    unpack(locked, base(), tmp_path / "before")
    assert contents(libraries(requirements, tmp_path / "linked", link=True)) == contents(made())
    unpack(locked, base(), tmp_path / "after")
    assert contents(tmp_path / "before") == contents(tmp_path / "after")


@pytest.mark.parametrize("framework", ["fastapi", "asgi"])
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="starts what was made for x86_64")
def test_a_service_runs_on_what_is_left(
    framework: str,
    made: Callable[..., Path],
    scaffolded: Callable[..., Path],
    cases: Mapping[str, Any],
    tmp_path: Path,
) -> None:
    python = python_of(made(framework), tmp_path / "python")
    with running(scaffolded("numeric", framework), python=python) as started:
        verdict = replay(started.url, cases["numeric"].golden, cases["numeric"].signature)
    assert verdict.passed, verdict.sentence()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="starts what was made for x86_64")
def test_libraries_of_native_models_run_on_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("scikit-learn\nxgboost-cpu\n")
    python = python_of(libraries(tmp_path / "requirements.txt", tmp_path / "lib"), tmp_path / "python")
    code = (
        "from numpy import *; import numpy.testing, scipy.stats, sklearn.utils.estimator_checks, xgboost\n"
        "from sklearn.ensemble import HistGradientBoostingClassifier as Trees\n"
        "rows = [[0.0], [1.0]] * 30\n"
        "for model in (Trees(), xgboost.XGBClassifier(n_estimators=3, nthread=1)):\n"
        "    print(model.fit(rows, [0, 1] * 30).predict(rows[:2]).tolist())\n"
    )
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "[0, 1]\n[0, 1]\n", ran.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 1 MB; where nobody lets us, the test is skipped, or fails in CI."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size=1m,uid={os.getuid()}", "tmpfs", str(place)]
    ways = [[], ["sudo", "-n"]] if shutil.which("sudo") else [[]]
    for way in ways:
        if subprocess.run([*way, *mount], capture_output=True, check=False).returncode == 0:
            break
    else:
        refused = pytest.fail if os.environ.get("CI") else pytest.skip
        refused("a small disk needs a privilege to mount it")
    yield place
    subprocess.run([*way, "umount", str(place)], check=True)


def test_a_full_disk_is_told(small_disk: Path, scaffolded: Callable[..., Path]) -> None:
    locked = lock(scaffolded("numeric") / "requirements.txt", base())
    with pytest.raises(BuildError, match=r"the disk is full: .*No space left"):
        unpack(locked, base(), small_disk / "lib")


#: What an index has of a library: links to its files, "Simple Repository API" (PyPA).
_PAGES = {"sourced": f'<a href="/files/sourced-1.0.tar.gz#sha256={"0" * 64}">sourced-1.0.tar.gz</a>'}


class _Index(http.server.BaseHTTPRequestHandler):
    """A package index with one library that is there as source alone, and others behind a login."""

    def do_GET(self) -> None:
        name = self.path.strip("/").split("/")[-1]
        body = _PAGES.get(name, "").encode()
        self.send_response(200 if body else 401)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run a package index on this machine, and let it be the one that counts."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    worker = threading.Thread(target=server.serve_forever)
    worker.start()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    yield
    server.shutdown()
    worker.join()
    server.server_close()


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        (
            "sourced>=1",
            "no wheel of 'sourced>=1' on the package index .*, nor of another version",
            "pip wheel 'sourced",
        ),
        ("private", "the package index refuses this user: .*401 Unauthorized", "uv auth login"),
    ],
)
@pytest.mark.usefixtures("index")
def test_what_the_index_has_not_is_told(wanted: str, message: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"{wanted}\n")
    with pytest.raises(BuildError, match=message) as caught:
        lock(tmp_path / "requirements.txt", base())
    assert hint in caught.value.hint
