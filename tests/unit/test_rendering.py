"""Templates are found, filled strictly, and values are quoted for the language that they stand in."""

import json
import shlex
import subprocess
from pathlib import Path

import jinja2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlship import rendering
from mlship.errors import ConfigError, MlshipError
from mlship.rendering import quote_dockerfile, quote_shell, quote_yaml, render, render_tree


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with its own templates folder."""
    package = tmp_path / "mlship"
    (package / "templates" / "small" / "deep").mkdir(parents=True)
    (package / "templates" / "small" / "__pycache__").mkdir()
    (package / "templates" / "small" / "__pycache__" / "app.pyc").write_bytes(b"\0")
    (package / "templates" / "small" / "deep" / "app.py").write_bytes(b"x = '{{ kept }}'\r\n")
    (package / "templates" / "small" / "Dockerfile.j2").write_text("LABEL name={{ name | dockerfile }}\n")
    (package / "templates" / "page.html.j2").write_text("<b>{{ name }}</b>\n")
    monkeypatch.setattr(rendering, "__file__", str(package / "rendering.py"))
    return package / "templates"


def test_a_folder_is_written_with_its_templates_filled_and_all_else_copied(templates: Path, tmp_path: Path) -> None:
    written = render_tree("small", tmp_path / "out", {"name": "iris"})
    assert written == ["Dockerfile", "deep/app.py"]
    assert (tmp_path / "out" / "Dockerfile").read_text() == 'LABEL name="iris"\n'
    assert (tmp_path / "out" / "deep" / "app.py").read_bytes() == b"x = '{{ kept }}'\r\n"


def test_a_value_that_is_not_given_is_an_error(templates: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="name"):
        render("small/Dockerfile.j2", {})


def test_html_is_escaped_without_being_asked(templates: Path) -> None:
    assert render("page.html.j2", {"name": "<script>"}) == "<b>&lt;script&gt;</b>\n"


@pytest.mark.parametrize("name", ["nothing", "small/nothing.j2"])
def test_a_template_that_is_not_there_is_named(templates: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(MlshipError, match=f"no template named '{name}'"):
        render(name, {})
    with pytest.raises(MlshipError, match=f"no template named '{name}'"):
        render_tree(name, tmp_path / "out", {})


def test_folders_can_be_left_out(templates: Path, tmp_path: Path) -> None:
    assert "deep/app.py" in render_tree("small", tmp_path / "all", {"name": "iris"})
    assert render_tree("small", tmp_path / "some", {"name": "iris"}, without={"deep"}) == ["Dockerfile"]


def test_the_templates_of_the_checkout_are_found_where_the_package_has_none() -> None:
    assert (rendering.templates() / "service" / "core" / "service.py").is_file()


def test_an_installation_without_templates_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "__file__", str(tmp_path / "mlship" / "rendering.py"))
    with pytest.raises(MlshipError, match="no template"):
        rendering.templates()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_yaml_reads_back_any_text(text: str) -> None:
    assert yaml.safe_load(quote_yaml(text)) == text
    assert "\n" not in quote_yaml(text)


@pytest.mark.parametrize("value", ["no", "1.10", "2026-11-01", None, True, 1.5, ["a", {"b: #": "0x1"}]])
def test_yaml_keeps_the_type_of_a_value(value: object) -> None:
    assert yaml.safe_load(quote_yaml(value)) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_shell_word_stays_one_word(text: str) -> None:
    assert shlex.split(quote_shell(text)) == [text]


def test_the_shell_expands_nothing_in_a_quoted_word() -> None:
    word = "$HOME `id` 'x' \"y\" \\ !\n;"
    ran = subprocess.run(["sh", "-c", f"printf %s {quote_shell(word)}"], capture_output=True, check=True)
    assert ran.stdout.decode() == word


@pytest.mark.parametrize(("value", "quoted"), [('a "b"', r'"a \"b\""'), ("$HOME", r'"\$HOME"'), ("a\\b", r'"a\\b"')])
def test_a_dockerfile_word_keeps_quotes_dollars_and_backslashes(value: str, quoted: str) -> None:
    assert quote_dockerfile(value) == quoted


@pytest.mark.parametrize("value", ["a\nRUN id", "a\rb", "a\0b"])
def test_a_line_break_is_refused_in_a_dockerfile(value: str) -> None:
    with pytest.raises(ConfigError, match="line break"):
        quote_dockerfile(value)


def test_json_keeps_text_readable(templates: Path) -> None:
    (templates / "entry.j2").write_text("{{ words | json }}")
    assert json.loads(render("entry.j2", {"words": ["年龄", "a b"]})) == ["年龄", "a b"]
    assert "年龄" in render("entry.j2", {"words": ["年龄"]})
