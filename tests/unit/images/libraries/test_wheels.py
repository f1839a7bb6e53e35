from collections.abc import Callable
from pathlib import Path

import pytest

from mlship.artifacts import digest
from mlship.errors import BuildError, MissingDependencyError, UsageError
from mlship.images.base import Base
from mlship.images.libraries.wheels import lock, python_platform, unpack

BASE = Base("python:3.12-slim", "3.12", "python3", "x86_64", (2, 28))
Wheel = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers where packages would come from, and nobody has set up anything else."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("# what the service needs\nsome_thing>=1\n")
    return path


def test_the_lock_has_every_wheel_with_its_hash(make_wheel: Wheel, requirements: Path) -> None:
    thing, other = make_wheel("some_thing", requires="other"), make_wheel("other", version="2.5")
    assert lock(requirements, BASE, thing.parent) == (
        f"other==2.5 --hash=sha256:{digest(other)}",
        f"some-thing==1.0 --hash=sha256:{digest(thing)}",
    )


def test_only_the_wheels_that_are_needed_are_locked(make_wheel: Wheel, requirements: Path) -> None:
    make_wheel("unrelated")
    assert [line.split()[0] for line in lock(requirements, BASE, make_wheel("some_thing").parent)] == [
        "some-thing==1.0"
    ]


def test_wheels_are_those_of_the_base_not_of_this_machine(
    make_wheel: Wheel, requirements: Path, tmp_path: Path
) -> None:
    make_wheel("some_thing", tag="cp313-cp313-manylinux_2_17_x86_64", code="machine = 'x86_64'")
    folder = make_wheel("some_thing", tag="cp313-cp313-manylinux_2_17_aarch64", code="machine = 'aarch64'").parent
    base = Base("base", "3.13", "python3", "aarch64", (2, 36))
    unpack(lock(requirements, base, folder), base, tmp_path / "out", folder)
    assert (tmp_path / "out" / "some_thing.py").read_text() == "machine = 'aarch64'"


def test_what_is_unpacked_has_neither_scripts_nor_files_of_the_installer(
    make_wheel: Wheel, requirements: Path, tmp_path: Path
) -> None:
    folder = make_wheel("some_thing", script="some-thing = some_thing:main").parent
    unpack(lock(requirements, BASE, folder), BASE, tmp_path / "out", folder)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["some_thing-1.0.dist-info", "some_thing.py"]


@pytest.mark.parametrize("link", [True, False])
def test_files_have_a_name_in_uvs_cache_where_they_may_have_one(
    make_wheel: Wheel, requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, link: bool
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    folder = make_wheel("some_thing").parent
    unpack(lock(requirements, BASE, folder), BASE, tmp_path / "out", folder, link=link)
    assert ((tmp_path / "out" / "some_thing.py").stat().st_nlink > 1) == link


def test_a_library_is_not_unpacked_without_its_hash(make_wheel: Wheel, requirements: Path, tmp_path: Path) -> None:
    folder = make_wheel("some_thing").parent
    (line,) = lock(requirements, BASE, folder)
    with pytest.raises(BuildError, match="not the one that its hash promises"):
        unpack([line[:-4] + "0000"], BASE, tmp_path / "out", folder)
    assert not (tmp_path / "out" / "some_thing.py").exists()


def test_hashes_of_the_users_own_are_kept(make_wheel: Wheel, requirements: Path) -> None:
    wheels = [make_wheel("some_thing", tag=f"cp312-cp312-manylinux_2_28_{it}") for it in ("x86_64", "aarch64")]
    requirements.write_text(f"some.thing==1.0 \\\n    --hash=sha256:{digest(wheels[0])}  # ours\n")
    assert lock(requirements, BASE, wheels[0].parent) == (f"some-thing==1.0 --hash=sha256:{digest(wheels[0])}",)


def test_a_file_that_the_users_hashes_do_not_allow_is_refused(make_wheel: Wheel, requirements: Path) -> None:
    requirements.write_text(f"some_thing==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BuildError, match=r"'some-thing==1\.0' has a hash that requirements\.txt allows"):
        lock(requirements, BASE, make_wheel("some_thing").parent)


@pytest.mark.parametrize("tag", ["cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_34_x86_64"])
def test_a_missing_wheel_is_named_with_what_it_should_run_on(tag: str, make_wheel: Wheel, requirements: Path) -> None:
    folder = make_wheel("some_thing", tag=tag).parent
    expected = r"no wheel of 'some_thing>=1' in .* Python 3\.12 on x86_64 with glibc 2\.28, nor of another version"
    with pytest.raises(BuildError, match=expected):
        lock(requirements, BASE, folder)


@pytest.mark.parametrize(
    ("wanted", "nearest"), [("==1.0", "1.5"), ("==3.0", "2.0"), (">=3", "2.0"), (">=1,<1.2", "2.0"), ("==4.*", "2.0")]
)
def test_the_nearest_version_that_has_a_wheel_is_named(
    wanted: str, nearest: str, make_wheel: Wheel, requirements: Path
) -> None:
    make_wheel("some_thing", version="1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    make_wheel("some_thing", version="1.5")
    folder = make_wheel("some_thing", version="2.0").parent
    make_wheel("some_thing", version="3.0", tag="cp312-cp312-manylinux_2_34_x86_64")
    requirements.write_text(f"some-thing{wanted}\n")
    with pytest.raises(BuildError, match=rf"the nearest version that has one is {nearest}$") as caught:
        lock(requirements, BASE, folder)
    assert f"some-thing=={nearest} " in caught.value.hint


def test_who_depends_on_what_is_missing_is_told(make_wheel: Wheel, requirements: Path) -> None:
    folder = make_wheel("some_thing", requires="other>=2").parent
    with pytest.raises(BuildError, match=r"no wheel of 'other>=2' (.*\n)*.*some-thing depend on other>=2"):
        lock(requirements, BASE, folder)


@pytest.mark.parametrize("own", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL"])
def test_without_a_network_the_error_says_so(own: str, requirements: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv(own, "http://127.0.0.1:9/simple")
    with pytest.raises(BuildError, match=r"package index does not answer \(.*127\.0\.0\.1:9") as caught:
        lock(requirements, BASE)
    assert "--set wheels=" in caught.value.hint


def test_a_wheels_folder_that_is_not_there_is_named(requirements: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere' is not a folder with wheels"):
        lock(requirements, BASE, tmp_path / "nowhere")


def test_requirements_that_contradict_each_other_show_what_uv_says(make_wheel: Wheel, requirements: Path) -> None:
    make_wheel("some_thing", requires="other<2")
    folder = make_wheel("other", version="2.5").parent
    make_wheel("other", version="1.5")
    requirements.write_text("some_thing\nother==2.5\n")
    with pytest.raises(BuildError, match=r"depend on other<2 (.*\n)*.*unsatisfiable"):
        lock(requirements, BASE, folder)


def test_a_requirements_file_that_is_none_shows_what_uv_says(make_wheel: Wheel, requirements: Path) -> None:
    requirements.write_text("some_thing==\n")
    with pytest.raises(BuildError, match=r"expected version"):
        lock(requirements, BASE, make_wheel("some_thing").parent)


def test_a_missing_uv_is_named(requirements: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find() -> str:
        raise FileNotFoundError("uv")

    monkeypatch.setattr("uv.find_uv_bin", find)
    with pytest.raises(MissingDependencyError, match="uv, whose program is not installed"):
        lock(requirements, BASE)


@pytest.mark.parametrize(
    ("machine", "glibc", "name"),
    [
        ("x86_64", (2, 17), "x86_64-manylinux_2_17"),
        ("x86_64", (2, 27), "x86_64-manylinux_2_17"),
        ("aarch64", (2, 36), "aarch64-manylinux_2_36"),
        ("x86_64", (2, 99), "x86_64-manylinux_2_40"),
    ],
)
def test_the_platform_is_the_highest_glibc_that_the_base_has(machine: str, glibc: tuple[int, int], name: str) -> None:
    assert python_platform(Base("base", "3.12", "python3", machine, glibc)) == name


@pytest.mark.parametrize(("machine", "glibc"), [("x86_64", (2, 12)), ("riscv64", (2, 39))])
def test_a_base_that_no_wheels_are_there_for_is_refused(machine: str, glibc: tuple[int, int]) -> None:
    with pytest.raises(BuildError, match=f"no wheels for Python 3.12 on {machine}"):
        python_platform(Base("base", "3.12", "python3", machine, glibc))
