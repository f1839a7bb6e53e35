from pathlib import Path

import pytest

from mlship.images.libraries.indexes import variables

BEST = {"UV_INDEX_STRATEGY": "unsafe-best-match"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home without settings, and stand in a folder without any."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pip(**own: str) -> dict[str, str]:
    """Return an environment in which no file of pip's counts."""
    return {"PIP_CONFIG_FILE": "/dev/null", **own}


def test_without_settings_there_is_nothing_to_tell() -> None:
    assert variables(pip()) == {}


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"PIP_INDEX_URL": "https://a/simple"}, {"UV_DEFAULT_INDEX": "https://a/simple"}),
        ({"PIP_EXTRA_INDEX_URL": "https://a https://b"}, BEST | {"UV_INDEX": "https://a https://b"}),
        ({"PIP_NO_INDEX": "1"}, {"UV_NO_INDEX": "1"}),
        ({"PIP_CERT": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"PIP_DEFAULT_TIMEOUT": "60"}, {"UV_HTTP_TIMEOUT": "60"}),
        ({"PIP_DEFAULT_TIMEOUT": "60", "PIP_TIMEOUT": "5"}, {"UV_HTTP_TIMEOUT": "5"}),
        ({"PIP_TRUSTED_HOST": "a b"}, {"UV_INSECURE_HOST": "a b"}),
    ],
    ids=" ".join,
)
def test_the_variables_of_pip_are_told_to_uv(own: dict[str, str], told: dict[str, str]) -> None:
    assert variables(pip(**own)) == told


@pytest.mark.parametrize("own", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS"])
def test_an_index_of_uvs_own_counts_more_than_those_of_pip(own: str) -> None:
    assert variables(pip(PIP_INDEX_URL="https://pip", PIP_CERT="/ca.pem") | {own: "https://uv"}) == {
        "SSL_CERT_FILE": "/ca.pem"
    }


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".config/uv/uv.toml", 'index-url = "https://uv"'),
        ("uv.toml", '[[index]]\nurl = "https://uv"'),
        ("uv.toml", '[pip]\nextra-index-url = ["https://uv"]'),
        ("pyproject.toml", '[tool.uv]\nfind-links = ["wheels"]'),
    ],
)
def test_an_index_in_the_files_of_uv_counts_more_than_those_of_pip(file: str, text: str, home: Path) -> None:
    (home / file).parent.mkdir(parents=True, exist_ok=True)
    (home / file).write_text(text)
    assert variables(pip(PIP_INDEX_URL="https://pip")) == {}


def test_the_files_of_pip_count_less_than_its_variables(home: Path) -> None:
    (home / "pip.conf").write_text("[global]\nindex-url = https://file\nextra_index_url =\n  https://b\n  https://c\n")
    told = variables({"PIP_CONFIG_FILE": str(home / "pip.conf"), "PIP_INDEX_URL": "https://variable"})
    assert (told["UV_DEFAULT_INDEX"], told["UV_INDEX"]) == ("https://variable", "https://b https://c")


def test_the_file_of_the_user_is_found(home: Path) -> None:
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text("[install]\nindex-url = https://mine\n")
    assert variables({})["UV_DEFAULT_INDEX"] == "https://mine"


def test_folders_that_are_not_there_are_left_out_as_pip_does(home: Path) -> None:
    (home / "wheels").mkdir()
    told = variables(pip(PIP_FIND_LINKS=f"{home}/wheels {home}/gone https://links"))
    assert told["UV_FIND_LINKS"] == f"{home}/wheels,https://links"


def test_a_damaged_file_of_pip_is_passed_over(home: Path) -> None:
    (home / "pip.conf").write_text("no section\n")
    assert variables({"PIP_CONFIG_FILE": str(home / "pip.conf"), "PIP_CERT": "/ca.pem"})["SSL_CERT_FILE"] == "/ca.pem"


def test_a_user_without_a_home_has_no_files_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "~")  # what is left of it where nobody knows the user, as in containers
    assert variables({"PIP_CERT": "/ca.pem"})["SSL_CERT_FILE"] == "/ca.pem"
