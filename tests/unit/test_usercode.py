"""Of the user's file only the definitions are run."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mlship import usercode
from mlship.errors import UsageError

SCRIPT = """
from __future__ import annotations
import math
from dataclasses import dataclass
try:
    import nowhere_to_be_found
except ImportError:
    nowhere_to_be_found = None
LIMIT: int = 3
TWICE = [2 * n for n in (LIMIT, 4)]
square = lambda x: math.pow(x, 2)
@dataclass
class Point:
    x: int = LIMIT
made = open("made", "w")
made.write("ran")
DERIVED = made.name
LIMITS = []
LIMITS.append(1)
AGAIN = 1
for AGAIN in range(3):
    open("looped", "w")
import absent_library
class Late(absent_library.Base): ...
def uses(): return made
KEPT = 5
if __name__ == "__main__":
    KEPT = 6
    GUARDED = 7
"""


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    monkeypatch.chdir(tmp_path)
    for name, value in (("path", [*sys.path]), ("meta_path", [*sys.meta_path]), ("dont_write_bytecode", True)):
        monkeypatch.setattr(sys, name, value)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def bring(content: str) -> ModuleType:
        (tmp_path / "own_script.py").write_text(content)
        usercode.bring(tmp_path / "own_script.py")
        return importlib.import_module("own_script")

    yield bring
    sys.modules.pop("own_script", None)


def test_definitions_are_run_and_nothing_else(brought, tmp_path: Path) -> None:
    module = brought(SCRIPT)
    assert (module.LIMIT, module.TWICE, module.square(3), module.Point().x) == (3, [6, 8], 9, 3)
    assert (module.KEPT, module.nowhere_to_be_found) == (5, None)
    assert sys.modules["__main__"].Point is module.Point
    assert [path.name for path in tmp_path.iterdir()] == ["own_script.py"]


@pytest.mark.parametrize("name", ["made", "DERIVED", "LIMITS", "AGAIN", "GUARDED"])
def test_a_name_that_is_made_otherwise_is_named(brought, name: str) -> None:
    root = "made" if name == "DERIVED" else name
    with pytest.raises(UsageError, match=f"'own_script.py' makes '{root}' by a statement that mlship does not run"):
        getattr(brought(SCRIPT), name)


def test_a_function_that_needs_such_a_name_says_so(brought) -> None:
    with pytest.raises(UsageError, match="makes 'made' by a statement"):
        brought(SCRIPT).uses()


def test_a_library_that_is_missing_matters_where_it_is_needed(brought) -> None:
    with pytest.raises(UsageError, match="No module named 'absent_library'"):
        _ = brought(SCRIPT).Late


def test_other_names_are_just_not_there(brought) -> None:
    assert not hasattr(brought(SCRIPT), "nobody")
