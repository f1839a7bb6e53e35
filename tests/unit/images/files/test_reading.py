from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import BuildError
from mlship.images.base import Base
from mlship.images.files import reading
from mlship.images.files.blobs import Blob, Image
from tests.unit.images.image_support import LIBC, SLIM, Files, Link, layer

PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
C_LIBRARY: Files = {"usr/lib64/libc.so.6": LIBC}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def image(layers: list[Blob], settings: Mapping[str, Any] | None = None, digest: str = "", **told: Any) -> Image:
    config = {"architecture": "amd64", "config": {"Env": [PATH], **(settings or {})}, **told}
    return Image(config, tuple(layers), digest, "base:1")


def read(folder: Path, *layers: Files, env: tuple[str, ...] = (PATH,)) -> Base:
    return reading.inspect(image([layer(folder, files) for files in layers], {"Env": [*env]}))


def test_a_slim_image_is_read_without_running_it(folder: Path) -> None:
    base = read(folder, SLIM)
    assert (base.name, base.python, base.command, base.machine) == ("base:1", "3.12", "python3", "x86_64")
    assert base.glibc == (2, 36)


def test_the_size_is_that_of_all_layers(folder: Path) -> None:
    assert read(folder, {**C_LIBRARY, "usr/bin/python3.12": b"1234"}, {"usr/bin/python3": Link("python3.12")}).size == (
        len(LIBC) + 4 + len("python3.12")
    )


@pytest.mark.parametrize(
    "files",
    [
        {"usr/bin/python3": Link("python3.11"), "usr/bin/python3.11": b"\x7f"},
        {"bin": Link("/usr/bin"), "usr/bin/python3": Link("/etc/alternatives/py"), "usr/bin/python3.11": b"\x7f"}
        | {"etc/alternatives/py": Link("../../bin/python3.11")},
        {"usr/bin/python": Link("/opt/conda/bin/python3.11"), "opt/conda/bin/python3.11": b"\x7f"},
        {"usr/bin/python3.11": b"\x7f", "usr/bin/python3": Link("usr/bin/python3.11", hard=True)}
        | {"usr/lib/python3.11/os.py": b"", "usr/lib/python3.11": Link("elsewhere")},
    ],
    ids=["link", "links of folders", "python", "hard link"],
)
def test_links_lead_to_the_version(files: Files, folder: Path) -> None:
    assert read(folder, {**C_LIBRARY, **files}).python == "3.11"


def test_the_first_python_on_the_path_counts(folder: Path) -> None:
    files = {**SLIM, "usr/bin/python3": Link("python3.9"), "usr/bin/python3.9": b"\x7f"}
    assert read(folder, files).python == "3.12"
    assert read(folder, files, env=("PATH=/usr/bin:/usr/local/bin",)).python == "3.9"


def test_an_image_without_a_path_has_the_usual_one(folder: Path) -> None:
    assert read(folder, SLIM, env=()).python == "3.12"


def test_the_library_tells_where_the_name_does_not(folder: Path) -> None:
    files = {**C_LIBRARY, "usr/bin/python3": b"\x7f", "usr/lib/python3.13": Link("x")}
    assert read(folder, files, env=(PATH, "PYTHON_VERSION=3.8.1")).python == "3.13"


def test_a_variable_is_the_last_hint(folder: Path) -> None:
    files = {**C_LIBRARY, "usr/bin/python3": b"\x7f"}
    assert read(folder, files, env=(PATH, "PYTHON_VERSION=3.12.4")).python == "3.12"


def test_a_variable_does_not_outweigh_the_files(folder: Path) -> None:
    assert read(folder, SLIM, env=(PATH, "PYTHON_VERSION=3.8.1")).python == "3.12"


def test_a_python_that_does_not_tell_its_version_is_refused(folder: Path) -> None:
    with pytest.raises(BuildError, match="does not tell which Python '/usr/bin/python3' is"):
        read(folder, {**C_LIBRARY, "usr/bin/python3": b"#!/bin/sh"})


@pytest.mark.parametrize(
    "files",
    [{}, {"opt/bin/python3.12": b""}, {"usr/bin/python3": Link("python3.12")}, {"usr/bin/python3": Link("python3")}],
    ids=["empty", "not on the path", "dangling", "circle"],
)
def test_an_image_without_python_is_refused(files: Files, folder: Path) -> None:
    with pytest.raises(BuildError, match="base image 'base:1' has no 'python3' and no 'python' on its PATH"):
        read(folder, {**C_LIBRARY, **files})


def test_an_image_with_musl_is_refused(folder: Path) -> None:
    files = {"usr/bin/python3": Link("python3.12"), "usr/bin/python3.12": b"", "lib/ld-musl-x86_64.so.1": b"musl"}
    with pytest.raises(BuildError, match="'base:1' has no glibc"):
        read(folder, files)


def test_an_older_glibc_has_its_version_in_its_name(folder: Path) -> None:
    old = {"lib/x86_64-linux-gnu/libc-2.31.so": LIBC.replace(b"2.36", b"2.31")}
    python = {"usr/bin/python3": Link("python3.9"), "usr/bin/python3.9": b""}
    link = {"lib/x86_64-linux-gnu/libc.so.6": Link("libc-2.31.so")}
    assert read(folder, {**old, **link, **python}).glibc == (2, 31)


def test_a_later_layer_takes_a_file_away(folder: Path) -> None:
    with pytest.raises(BuildError, match="has no 'python3'"):
        read(folder, SLIM, {"usr/local/bin/.wh.python3.12": b""})


def test_a_later_layer_empties_a_folder(folder: Path) -> None:
    newer = {"usr/local/bin/python3": Link("python3.13"), "usr/local/bin/python3.13": b""}
    assert read(folder, SLIM, {**newer, "usr/local/bin/.wh..wh..opq": b""}).python == "3.13"
    with pytest.raises(BuildError, match="has no 'python3'"):
        read(folder, SLIM, {"usr/.wh..wh..opq": b""})


def test_a_later_layer_replaces_a_folder_by_a_link(folder: Path) -> None:
    moved = {"usr/local": Link("/opt/local"), "opt/local/bin/python3": Link("python3.13")}
    assert read(folder, SLIM, {**moved, "opt/local/bin/python3.13": b""}).python == "3.13"


def test_plain_layers_are_read_too(folder: Path) -> None:
    assert reading.inspect(image([layer(folder, SLIM, packed=False)])).python == "3.12"


def test_user_and_machine_are_those_of_the_config(folder: Path) -> None:
    base = reading.inspect(image([layer(folder, SLIM)], {"User": "10001"}, architecture="arm64"))
    assert (base.user, base.machine) == ("10001", "aarch64")


def test_what_was_read_is_not_read_again(folder: Path) -> None:
    known = image([layer(folder, SLIM)], digest="sha256:" + "1" * 64)
    first = reading.inspect(known)
    known.layers[0].path.unlink()
    assert reading.inspect(known) == first


def test_facts_that_were_damaged_are_read_again(folder: Path, tmp_path: Path) -> None:
    known = image([layer(folder, SLIM)], digest="sha256:" + "1" * 64)
    first = reading.inspect(known)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    kept.write_text("{}")
    assert reading.inspect(known) == first


def test_a_damaged_layer_is_named(folder: Path) -> None:
    bad = layer(folder, SLIM)
    bad.path.write_bytes(bad.path.read_bytes()[:60])
    with pytest.raises(BuildError, match="layer 2 of 'base:1' cannot be read"):
        reading.inspect(image([layer(folder, {}), bad]))


def test_a_layer_that_is_packed_otherwise_is_refused(folder: Path) -> None:
    zstd = Blob(folder, "sha256:0", 1, "application/vnd.oci.image.layer.v1.tar+zstd")
    with pytest.raises(BuildError, match=r"layer 1 of 'base:1' is packed as '.*\+zstd'"):
        reading.inspect(image([zstd]))
