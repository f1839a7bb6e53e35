from collections.abc import Callable
from pathlib import Path

import pytest

from mlship.artifacts import digest
from mlship.errors import BuildError, UsageError
from mlship.images.base import Base
from mlship.images.wheels import collect, platform_tags

BASE = Base("python:3.12-slim", "3.12", "python3", "x86_64", (2, 28))


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("# what the service needs\nsome_thing>=1\n")
    return path


def test_the_lock_has_every_wheel_with_its_hash(make_wheel: Callable[..., Path], requirements: Path) -> None:
    thing, other = make_wheel("some_thing", requires="other"), make_wheel("other", version="2.5")
    lock = collect(requirements, BASE, thing.parent.parent / "out", thing.parent)
    assert lock == [f"other==2.5 --hash=sha256:{digest(other)}", f"some-thing==1.0 --hash=sha256:{digest(thing)}"]


def test_only_the_wheels_that_are_needed_are_taken(make_wheel: Callable[..., Path], requirements: Path) -> None:
    make_wheel("unrelated")
    folder = make_wheel("some_thing").parent
    collect(requirements, BASE, folder.parent / "out", folder)
    assert [wheel.name for wheel in (folder.parent / "out").iterdir()] == ["some_thing-1.0-py3-none-any.whl"]


def test_wheels_are_those_of_the_base_not_of_this_python(make_wheel: Callable[..., Path], requirements: Path) -> None:
    make_wheel("some_thing", tag="cp399-cp399-manylinux_2_17_aarch64")
    folder = make_wheel("some_thing", tag="cp311-cp311-manylinux_2_17_aarch64").parent
    base = Base("base", "3.99", "python3", "aarch64", (2, 36))
    collect(requirements, base, folder.parent / "out", folder)
    assert [wheel.name for wheel in (folder.parent / "out").iterdir()] == [
        "some_thing-1.0-cp399-cp399-manylinux_2_17_aarch64.whl"
    ]


@pytest.mark.parametrize("tag", ["cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_34_x86_64"])
def test_a_missing_wheel_is_named_with_what_it_should_run_on(
    tag: str, make_wheel: Callable[..., Path], requirements: Path
) -> None:
    folder = make_wheel("some_thing", tag=tag).parent
    with pytest.raises(BuildError, match=r"no wheel of 'some_thing>=1' in .* Python 3\.12 on x86_64 with glibc 2\.28"):
        collect(requirements, BASE, folder.parent / "out", folder)


def test_without_a_network_the_error_says_so(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(BuildError, match="package index does not answer") as caught:
        collect(requirements, BASE, tmp_path / "out")
    assert "--set wheels=" in caught.value.hint


def test_a_wheels_folder_that_is_not_there_is_named(requirements: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere' is not a folder with wheels"):
        collect(requirements, BASE, tmp_path / "out", tmp_path / "nowhere")


def test_requirements_that_contradict_each_other_show_what_pip_says(
    make_wheel: Callable[..., Path], requirements: Path
) -> None:
    make_wheel("some_thing", requires="other<2")
    folder = make_wheel("other", version="2.5").parent
    make_wheel("other", version="1.5")
    requirements.write_text("some_thing\nother==2.5\n")
    with pytest.raises(BuildError, match=r"conflict"):
        collect(requirements, BASE, folder.parent / "out", folder)


def test_platform_tags_go_from_the_libc_of_the_base_down() -> None:
    tags = platform_tags(BASE)
    assert tags[0] == "manylinux_2_28_x86_64"
    assert {"manylinux_2_5_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64"} <= {*tags}


def test_arm_has_no_tags_older_than_manylinux2014() -> None:
    tags = platform_tags(Base("base", "3.12", "python3", "aarch64", (2, 36)))
    assert "manylinux2014_aarch64" in tags
    assert not {"manylinux_2_12_aarch64", "manylinux2010_aarch64"} & {*tags}
