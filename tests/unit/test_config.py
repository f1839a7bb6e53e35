import re
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from mlship import config
from mlship.errors import ConfigError, PluginError
from mlship.stages import Stage


class Rows(Stage):
    """A stage with options of several types."""

    group: ClassVar[str] = "converters"
    rows: int = Field(3, gt=0, description="rows")
    names: tuple[str, ...] = ()
    label: str | None = None


class Other(Stage):
    """Another, which shares an option."""

    group: ClassVar[str] = "images"
    label: str | None = None


def test_settings_are_read_as_toml_or_else_as_text() -> None:
    assigned = ["rows=5", 'names=["a", "b"]', "label=plain text", "convert.rows=7"]
    assert config.parse_assignments(assigned, ["convert"]) == {
        "": {"rows": 5, "names": ["a", "b"], "label": "plain text"},
        "convert": {"rows": 7},
    }


def test_a_setting_without_a_stage_goes_to_the_one_that_has_it() -> None:
    classes = {"convert": Rows, "build": Other}
    assert config.distribute({"": {"rows": 1}}, classes) == {"convert": {"rows": 1}}
    with pytest.raises(ConfigError, match="several stages"):
        config.distribute({"": {"label": "x"}}, classes)
    with pytest.raises(ConfigError) as caught:
        config.distribute({"": {"rowz": 1}}, classes)
    assert caught.value.hint == "did you mean 'rows'?"


@pytest.mark.parametrize("wrong", ["rows", "=5", "nowhere.rows=1"])
def test_an_assignment_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        config.parse_assignments([wrong], ["convert"])


def test_a_misspelt_option_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError) as caught:
        config.configure("converters", "onnx", {"golden_row": 1})
    assert caught.value.hint == "did you mean 'golden_rows'?"


def test_an_option_of_another_type_is_refused_with_the_users_words() -> None:
    with pytest.raises(ConfigError, match="'many'"):
        config.configure("converters", "onnx", {"golden_rows": "many"})


def test_an_unknown_plugin_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(PluginError) as caught:
        config.configure("converters", "onx", {})
    assert (caught.value.message, caught.value.hint) == (
        "no plugin named 'onx' in mlship.converters",
        "did you mean 'onnx'?",
    )


def test_flags_win_over_settings_and_settings_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "mlship.toml").write_text("[convert]\ngolden_rows = 1\nseed = 1\ntarget = 'a'\n")
    read = config.read(tmp_path / "mlship.toml")
    _, stage = config.assemble("convert", read, {"convert": {"seed": 2, "target": "b"}}, {"target": "c"}, None)
    assert stage.model_dump(include={"golden_rows", "seed", "target"}) == {"golden_rows": 1, "seed": 2, "target": "c"}


@pytest.mark.parametrize(
    ("content", "words"),
    [("[converts]\n", "converts"), ("x = 1\n", "x"), ("[project]\nmodell = 'a'\n", "modell"), ("[", "cannot be read")],
)
def test_a_wrong_mlship_toml_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "mlship.toml").write_text(content)
    with pytest.raises(ConfigError, match=words):
        config.read(tmp_path / "mlship.toml")


def deployed(name: str, table: dict[str, object], **settings: object) -> dict[str, object]:
    return config.target(name, config.Config(stages={"deploy": table}), settings, {"name": None}).model_dump()


def test_a_target_takes_what_it_has_of_the_options_of_all_and_its_own() -> None:
    table = {"replicas": 3, "gateway": "envoy", "kubernetes": {"host": "a.example"}}
    found = deployed("kubernetes", table, replicas=4)
    assert (found["replicas"], found["host"]) == (4, "a.example")
    assert deployed("compose", table)["gateway"] == "envoy"


def test_variables_of_all_places_are_put_together() -> None:
    table = {"env": {"A": "1", "B": "1"}, "compose": {"env": {"B": "2", "C": "2"}}}
    assert deployed("compose", table, env={"C": "3"})["env"] == {"A": "1", "B": "2", "C": "3"}


@pytest.mark.parametrize(
    ("table", "hint"),
    [({"replcas": 3}, "replicas"), ({"kubernets": {}}, "kubernetes"), ({"kubernetes": 3}, r"\[deploy.kubernetes\]")],
    ids=["an option", "a target", "no table"],
)
def test_what_no_target_has_is_refused_with_the_nearest_name(table: dict[str, object], hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        deployed("compose", table)
    assert re.search(hint, caught.value.hint or "")
