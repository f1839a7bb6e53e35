"""The user's own code beside a model: what it consists of, and making it importable in the quarantined process."""

import ast
import builtins
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from mlship.artifacts import digest
from mlship.errors import UsageError


def files(path: Path) -> list[Path]:
    """List the Python files of ``path`` (one, or those below a folder), sorted; hidden and installed ones are left out.

    Raises UsageError when there are none.
    """
    if path.is_file() and path.suffix == ".py":
        return [path]
    found = sorted(path.rglob("*.py")) if path.is_dir() else []
    own = [file for file in found if not any(_foreign(part) for part in file.relative_to(path).parts)]
    if not own:
        what = "is not there" if not path.exists() else "has no Python file" if path.is_dir() else "is no Python file"
        raise UsageError(f"--code: '{path}' {what}", "give the .py file, or the folder that holds the package")
    return own


def fingerprint(path: Path) -> str:
    """Return the sha256 of the code: of one file, or of the relative names and digests of all."""
    if path.is_file():
        return digest(path)
    listing = "".join(f"{file.relative_to(path).as_posix()}\0{digest(file)}\n" for file in files(path))
    return hashlib.sha256(listing.encode()).hexdigest()


def size(path: Path) -> int:
    """Return the bytes of the code."""
    return sum(file.stat().st_size for file in files(path))


def bring(path: Path) -> None:
    """Make the code importable in this process: behind everything that is installed, so that it replaces nothing.

    The modules of a folder are found by their names, and run whole. A file is found by its own; besides, ``__main__``
    has what the file defines, for a model that was saved by that very script. Of a file only the definitions are run,
    when something of it is asked for first: imports, functions, classes, and names for what needs no call. A script
    that trains a model and saves it does not do so again.
    Raises UsageError when an installed module has the name of the file.
    """
    sys.dont_write_bytecode = True
    if path.is_dir():
        sys.path.append(str(path))
        return
    if importlib.util.find_spec(path.stem) is not None:
        message = f"--code: there is an installed module '{path.stem}', so '{path.name}' cannot be imported by its name"
        raise UsageError(message, "leave --code away if it is the same; else rename the file and save the model again")
    sys.path.append(str(path.parent))
    sys.meta_path.insert(0, _Finder(path))
    sys.modules["__main__"] = _Main(path)


class _Main(ModuleType):
    """Stands for the script that saved the model: reads what is asked of it from the module that the file is here."""

    def __init__(self, path: Path) -> None:
        super().__init__("__main__")
        self._path = path

    def __repr__(self) -> str:
        return f"'{self._path.name}'"  # errors of pickle say where they looked

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(importlib.import_module(self._path.stem), name)
        except SystemExit as error:
            message = (
                f"'{self._path.name}' ends the process when it is imported: put that under if __name__ == '__main__'"
            )
            raise ImportError(message) from error


class _Finder(MetaPathFinder):
    """Finds the one file, and has it loaded as definitions."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._path.stem:
            return None
        loader = _Definitions(fullname, str(self._path))
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


class _Definitions(SourceFileLoader):
    """Runs those statements of a file that define something, one by one."""

    def exec_module(self, module: ModuleType) -> None:
        path, space = Path(self.path), vars(module)
        body = ast.parse(path.read_bytes(), str(path)).body
        futures = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        absent = _Absent(path.name)
        space.update({"__builtins__": absent, "__getattr__": absent.attribute})
        for node in body:
            try:
                if _defines(node):
                    code = compile(ast.Module([*futures, node], []), str(path), "exec", dont_inherit=True)
                    exec(code, space)  # noqa: S102
                    absent.found(_bound(node))
                else:
                    absent.leave_out(node, space)
            except UsageError as error:  # it needs a name that was left out
                absent.because.update(dict.fromkeys(_bound(node), (error.message, error.hint)))
            except ImportError as error:
                why = (
                    f"'{path.name}' cannot import what it needs: {error}",
                    "install it, or give the folder: --code FOLDER",
                )
                absent.because.update(dict.fromkeys(_bound(node), why))


class _Absent(dict[str, Any]):
    """The builtins of such a module; asked for last, it says why a name of the module is not there."""

    def __init__(self, file: str) -> None:
        super().__init__(vars(builtins))
        self.because: dict[str, tuple[str, str]] = {}
        self._file = file

    def __missing__(self, name: str) -> Any:
        if name in self.because:
            raise UsageError(*self.because[name])
        raise KeyError(name)

    def attribute(self, name: str) -> Any:
        """Stand for the module's __getattr__."""
        if name in self.because:
            self[name]
        raise AttributeError(name)

    def found(self, names: Iterator[str]) -> None:
        for name in names:
            self.because.pop(name, None)

    def leave_out(self, node: ast.stmt, space: dict[str, Any]) -> None:
        """Note the names that ``node`` would make or change; what they were before is forgotten."""
        main = isinstance(node, ast.If) and _is_guard(node.test)
        changed = {name for name in _touched(node) if isinstance(space.get(name), list | dict | set)}
        for name in (*_bound(node), *(() if main else changed)):
            if main and name in space:
                continue
            space.pop(name, None)
            message = f"'{self._file}' makes '{name}' by a statement that mlship does not run"
            self.because[name] = message, "put it into a module of its own, import it, and save the model again"


def _defines(node: ast.stmt) -> bool:
    """Say whether a statement does nothing but to define."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Pass():
            return True
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return _calls_nothing(node)
        case ast.If(test=test):
            return not _is_guard(test) and _calls_nothing(test) and all(map(_defines, (*node.body, *node.orelse)))
        case ast.Try():
            inner = [part for handler in node.handlers for part in handler.body]
            return all(map(_defines, (*node.body, *inner, *node.orelse, *node.finalbody)))
        case ast.Expr(value=ast.Constant()):
            return True
    return type(node).__name__ == "TypeAlias"  # since Python 3.12


def _calls_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Call | ast.Await):
        return False
    if isinstance(node, ast.Lambda):
        return _calls_nothing(node.args)
    return all(map(_calls_nothing, ast.iter_child_nodes(node)))


def _is_guard(test: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(test))


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement makes."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    if isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    if not isinstance(node, ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _touched(node: ast.stmt) -> Iterator[str]:
    """Yield the names whose values a statement may change: of ``name.method()``, ``name[key] = value``."""
    for part in ast.walk(node):
        inner: ast.AST = part.func if isinstance(part, ast.Call) else part
        if inner is part and not isinstance(getattr(part, "ctx", None), ast.Store):
            continue
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
            if isinstance(inner, ast.Name):
                yield inner.id


def _foreign(part: str) -> bool:
    return part.startswith(".") or part in ("__pycache__", "site-packages", "node_modules")
