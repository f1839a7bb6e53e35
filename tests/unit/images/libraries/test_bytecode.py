import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlship.artifacts import digest
from mlship.errors import BuildError
from mlship.images.libraries.bytecode import Interpreter, compile_folder, find

MINOR = f"3.{sys.version_info.minor}"
SOURCE = "names = {'a', 'b', 'c'}\ndef double(x: int) -> int:\n    return 2 * x if x in {1, 2, 3} else len('names')\n"


@pytest.fixture
def python() -> Interpreter:
    found = find(MINOR)
    assert found is not None
    return found


def sources(folder: Path) -> Path:
    for name in ("b.py", "a.py", "pack/__init__.py", "pack/deep/c.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{SOURCE}NAME = {name!r}\n")
    return folder


def compiled(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest(path) for path in folder.rglob("*.pyc")}


def test_the_python_is_of_the_minor_version_asked_for(python: Interpreter) -> None:
    asked = subprocess.run([python.path, "--version"], capture_output=True, text=True, check=True).stdout
    assert python.version.split() == ["CPython", asked.split()[1]]


def test_where_there_is_no_such_python_nothing_is_found() -> None:
    assert find("3.99") is None


def test_a_python_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python3.98"
    program.write_text("#!/bin/sh\necho CPython 3.98.7\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find("3.98") == Interpreter(str(program), "CPython 3.98.7")


@pytest.mark.parametrize("answer", ["exit 127", "echo PyPy 3.98.1", "echo CPython 3.9.8"])
def test_a_program_that_is_no_such_python_is_passed_over(
    answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python3.98").write_text(f"#!/bin/sh\n{answer}\n")
    (tmp_path / "python3.98").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find("3.98") is None


def test_all_files_are_compiled(python: Interpreter, tmp_path: Path) -> None:
    folder, tag = sources(tmp_path), sys.implementation.cache_tag
    assert compile_folder(folder, "/opt/app/lib", python) == python.version
    assert sorted(compiled(folder)) == [
        f"__pycache__/a.{tag}.pyc",
        f"__pycache__/b.{tag}.pyc",
        f"pack/__pycache__/__init__.{tag}.pyc",
        f"pack/deep/__pycache__/c.{tag}.pyc",
    ]


def test_many_files_are_compiled_once_each(python: Interpreter, tmp_path: Path) -> None:
    for number in range(600):
        (tmp_path / f"m{number}.py").write_text(f"NUMBER = {number}\n")
    compile_folder(tmp_path, "/opt/app/lib", python)
    assert {name.split(".")[0] for name in compiled(tmp_path)} == {f"__pycache__/m{number}" for number in range(600)}


def test_two_folders_get_the_same_bytes(python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = sources(tmp_path / "one"), sources(tmp_path / "another" / "with a longer name")
    compile_folder(one, "/opt/app/lib", python)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    os.utime(other / "a.py", (1, 1))
    compile_folder(other, "/opt/app/lib", python)
    assert compiled(one) == compiled(other) != {}


def test_it_is_compiled_for_the_path_in_the_image_and_never_compared(python: Interpreter, tmp_path: Path) -> None:
    folder = sources(tmp_path)
    compile_folder(folder, "/opt/app/lib/", python)
    content = Path(importlib.util.cache_from_source(str(folder / "pack/deep/c.py"))).read_bytes()
    assert content[:4] == importlib.util.MAGIC_NUMBER
    assert content[4:8] == b"\x01\0\0\0"  # PEP 552: by hash, not checked
    assert marshal.loads(content[16:]).co_filename == "/opt/app/lib/pack/deep/c.py"


def test_a_file_that_does_not_compile_is_left_as_it_is(python: Interpreter, tmp_path: Path) -> None:
    for name, content in {"bad.py": b"def (:\n", "null.py": b"a = '\0'\n", "latin.py": b"a = '\xff'\n"}.items():
        (tmp_path / name).write_bytes(content)
    sources(tmp_path)
    compile_folder(tmp_path, "/opt/app/lib", python)
    assert not {path.split(".")[0] for path in compiled(tmp_path)} & {
        "__pycache__/bad",
        "__pycache__/null",
        "__pycache__/latin",
    }
    assert len(compiled(tmp_path)) == 4


def test_a_module_in_the_folder_is_compiled_not_imported(python: Interpreter, tmp_path: Path) -> None:
    for name in ("os.py", "py_compile.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')\n")
    compile_folder(tmp_path, "/opt/app/lib", python)
    assert len(compiled(tmp_path)) == 3


def test_a_name_that_is_too_long_for_byte_code_is_passed_over(python: Interpreter, tmp_path: Path) -> None:
    (tmp_path / f"{'a' * 250}.py").write_text(SOURCE)
    (tmp_path / "b.py").write_text(SOURCE)
    compile_folder(tmp_path, "/opt/app/lib", python)
    assert [*compiled(tmp_path)] == [f"__pycache__/b.{sys.implementation.cache_tag}.pyc"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [("OSError: [Errno 28] No space left on device", "XDG_CACHE_HOME=FOLDER on another disk"), ("", "does not work")],
    ids=["full disk", "no word"],
)
def test_a_python_that_fails_is_told(words: str, hint: str, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(BuildError, match="the libraries cannot be compiled: ") as caught:
        compile_folder(sources(tmp_path / "lib"), "/opt/app/lib", Interpreter(str(program), "CPython 3.98.7"))
    assert words in caught.value.message
    assert hint in caught.value.hint
