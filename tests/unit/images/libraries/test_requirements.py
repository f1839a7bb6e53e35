from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from mlship.errors import UsageError
from mlship.images.libraries.requirements import read, required


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Some_Thing>=1\n", {"some-thing"}),
        ("a[extra]==1 ; python_version > '3'  # why\n\n# b\n", {"a"}),
        ("a @ https://example.com/a-1-py3-none-any.whl\n", {"a"}),
        ("./wheels/Some_Thing-6-py3-none-any.whl --hash=sha256:00\n", {"some-thing"}),
        ("a-1-py3-none-any.whl[extra] ; python_version > '3'\n", {"a"}),
        ("https://example.com/b-1%2Blocal-py3-none-any.whl#sha256=00\n", {"b"}),
        ("--index-url https://example.com\n-e .\n./a-1.tar.gz\n./a.whl\nhttp://[a/b-1-py3-none-any.whl\n", set()),
        ("a==1 --hash=sha256:00\nb \\\n  >=2\n", {"a", "b"}),
    ],
    ids=["plain", "all its parts", "URL", "wheel", "all parts of a wheel", "URL alone", "no names", "several lines"],
)
def test_names_are_read_from_all_kinds_of_lines(text: str, names: set[str], tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    assert read(path).keys() == names


def test_hashes_come_with_the_names(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("a==1 \\\n  --hash=sha256:00 \\\n  --hash sha256:11\nb\n")
    assert {name: wanted.hashes for name, wanted in read(path).items()} == {"a": {"sha256:00", "sha256:11"}, "b": set()}


def test_the_words_of_the_user_are_kept(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("Some_Thing[x] >=1 ; os_name == 'posix' --hash=sha256:00 # why\n")
    assert read(tmp_path / "requirements.txt")["some-thing"].words == "Some_Thing[x] >=1 ; os_name == 'posix'"


def test_files_that_it_includes_count_once_even_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r more.txt\na\n")
    (tmp_path / "more.txt").write_text("--requirement=requirements.txt  # again\nb\n")
    assert read(tmp_path / "requirements.txt").keys() == {"a", "b"}


def test_a_file_that_is_not_there_is_read(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r more.txt\n")
    with pytest.raises(UsageError, match=r"more\.txt' cannot be read"):
        read(tmp_path / "requirements.txt")


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("six>=1 ; python_version < '3'", 'six>=1; python_version < "3"'),
        ("six (>=1.0.*)", "six"),
        ("six[a] (>=1.0.*) ; python_version < '3'", 'six; python_version < "3"'),
        ("six (>=1.0.*) ; what", "six"),
        ("???", None),
    ],
)
def test_requirements_of_a_library_are_read_as_uv_does(line: str, meant: str | None, tmp_path: Path) -> None:
    (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.1\nName: a\nRequires-Dist: {line}\n")
    assert [str(each) for each in required(PathDistribution(tmp_path))] == ([meant] if meant else [])
