"""What the user trusts is written into mlship.toml, which stays as it was otherwise."""

import tomllib
from pathlib import Path

import pytest

from mlship import config
from mlship.errors import ConfigError
from mlship.trust import remember

WRITTEN = """# our model
[project]  # what we ship
model = "model.joblib"
{trust}
[convert]
# exact
dtype = "float64"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mlship.toml"


def test_a_file_is_made(path: Path) -> None:
    assert remember(path, ["shop.Model", "shop.Model", "shop.Other"]) == ("shop.Model", "shop.Other")
    assert path.read_text() == '[project]\ntrust = ["shop.Model", "shop.Other"]\n'
    assert config.read(path).project.trust == ("shop.Model", "shop.Other")


def test_nothing_to_remember_writes_nothing(path: Path) -> None:
    assert remember(path, []) == ()
    assert not path.exists()


def test_what_is_there_is_not_written_again(path: Path) -> None:
    remember(path, ["a.B"])
    before = path.stat().st_mtime_ns
    assert remember(path, ["a.B"]) == ()
    assert path.stat().st_mtime_ns == before
    assert remember(path, ["c.D"]) == ("c.D",)
    assert config.read(path).project.trust == ("c.D", "a.B")


@pytest.mark.parametrize(
    "trust",
    [
        "",
        "trust = []",
        'trust = ["x.Y"]',
        'trust = [  # by Ann\n  "x.Y",  # checked\n]',
        "trust = [\n]",
        "  trust=['x.Y']",
        "# trust = []",
    ],
)
def test_comments_and_order_stay(path: Path, trust: str) -> None:
    text = WRITTEN.format(trust=trust)
    path.write_text(text)
    before = tomllib.loads(text)
    remember(path, ["Köln.Modell"])
    after = tomllib.loads(path.read_text())
    assert after["project"].pop("trust") == ["Köln.Modell", *before["project"].pop("trust", [])]
    assert after == before
    assert [line for line in path.read_text().splitlines() if "#" in line] == [
        line if "by Ann" not in line else 'trust = ["Köln.Modell",   # by Ann'
        for line in text.splitlines()
        if "#" in line
    ]


@pytest.mark.parametrize(
    "text", ["[convert]\nseed = 1", "[convert]\nseed = 1\n", "# nothing\n", '[other]\ntrust = ["a"]\n']
)
def test_a_table_is_added_at_the_end(path: Path, text: str) -> None:
    path.write_text(text)
    remember(path, ["a.B"])
    assert path.read_text().startswith(text)
    assert tomllib.loads(path.read_text())["project"] == {"trust": ["a.B"]}


def test_line_ends_of_windows_stay(path: Path) -> None:
    path.write_bytes(b"[project]\r\nmodel = 'a'\r\n")
    remember(path, ["a.B"])
    assert path.read_bytes() == b"[project]\r\ntrust = [\"a.B\"]\r\nmodel = 'a'\r\n"


@pytest.mark.parametrize("text", ["project = { model = 'a' }\n", "project.trust = ['a']\n"])
def test_a_file_written_otherwise_is_left_alone_with_a_hint(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match="cannot be added to") as caught:
        remember(path, ["a.B"])
    assert 'trust = ["a.B"' in caught.value.hint
    assert path.read_text() == text


def test_a_broken_file_is_named(path: Path) -> None:
    path.write_text("[project")
    with pytest.raises(ConfigError, match="cannot be read"):
        remember(path, ["a.B"])
