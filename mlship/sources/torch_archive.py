"""The zip archives of PyTorch, read without PyTorch: what is in them, and what loading them would run.

``torch.export.load`` does run what a file says: it unpickles example inputs and constants (it tries weights_only first
and falls back to plain pickle), lets sympy evaluate the expressions of sizes, executes guards, and looks up the
functions that are called by name. So a .pt2 file is written anew from what was checked before PyTorch gets it.
Source: torch/export/pt2_archive/_package.py and torch/_export/serde/serialize.py of 2.13.
"""

import ast
import io
import json
import pickletools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlship.errors import ModelError, UntrustedModelError

Kind = Literal["exported program", "TorchScript", "weights", "pickled module"]

_MODEL = "models/model.json"
_EXAMPLES = "data/sample_inputs/model.pt"
_KEPT = re.compile(
    r"data/weights/(weight_\d+|model_weights_config\.json)|data/constants/(tensor_\d+|model_constants_config\.json)"
    r"|archive_format|archive_version|\.data/version|byteorder|" + re.escape(_MODEL)
)
#: Functions that a graph may call: PyTorch's own operators, arithmetic on sizes, control flow.
_OPERATORS = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed)\.\w+\.\w+|torch\.sym_\w+|math\.(ceil|floor|trunc|sqrt)"
    r"|_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|pow|eq|ne|lt|le|gt|ge|and_|or_)"
    r"|torch\.ops\.higher_order\.(cond|scan|while_loop|map_impl|wrap_with_set_grad_enabled)"
)
#: Operators that open files.
_FILES = re.compile(r"(torch\.ops\.aten|ops\.aten|torch)\.(from_file|save|load)\b.*")
_SYMBOLIC = {
    *("Symbol", "Integer", "Float", "Rational", "Max", "Min", "Mod", "FloorDiv", "CeilDiv", "CleanDiv", "PythonMod"),
    *("ModularIndexing", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Add", "Mul", "Pow", "And", "Or", "Not", "Abs"),
    *("StrictLessThan", "StrictGreaterThan", "LessThan", "GreaterThan", "IntTrueDiv", "FloatTrueDiv", "TruncToInt"),
}
_HARMLESS = (
    *(ast.Expression, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp),
    *(ast.operator, ast.unaryop, ast.cmpop, ast.boolop),
)
#: PyTorch compresses nothing but code.
_MAX_UNPACKED = 64 << 20
_CALL = re.compile(r"\b(torch\.\w+|ops\.\w+\.\w+)\(")
#: What weights are pickled with (torch/_weights_only_unpickler.py holds them against its own list again).
_WEIGHTS = re.compile(r"torch\.(\w+Storage|Size|_utils\._rebuild_(tensor_v2|parameter))|collections\.OrderedDict")


@dataclass(frozen=True)
class Archive:
    """What is in a file; ``names`` are what it would import or call, ``untrusted`` those that nobody vouches for.

    ``content`` are the bytes to load, for an exported program: the file's, without pickles and guards.
    """

    kind: Kind
    names: tuple[str, ...]
    untrusted: tuple[str, ...] = ()
    content: bytes = b""


def read(path: Path) -> Archive:
    """Read an archive; raises ModelError for a damaged one, UntrustedModelError for what cannot be told beforehand."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        message = f"'{path.name}' cannot be read: it is no archive of PyTorch, or is damaged"
        raise ModelError(message, "save the model again") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"'{path.name}' is not as PyTorch writes it", "save the model again") from error
    except _Refused as refusal:
        message = f"'{path.name}' cannot be checked without running it: {refusal}"
        raise UntrustedModelError(message, "export the model again, without custom objects") from refusal


class _Refused(Exception):  # noqa: N818  # made into an error where the file is known
    """The archive holds something that only running it would explain."""


def _read(archive: zipfile.ZipFile) -> Archive:
    members = {}
    for item in archive.infolist():
        name = item.filename.partition("/")[2]
        if name in members:
            raise _Refused(f"it holds '{name}' twice")
        if item.compress_type != zipfile.ZIP_STORED and item.file_size > _MAX_UNPACKED:
            raise _Refused(f"'{name}' in it unpacks to {item.file_size:,} bytes")
        members[name] = item.filename
    if _MODEL in members:
        return _exported(archive, members)
    if any(name.startswith("code/") for name in members):
        return _script(archive, members)
    return _pickled(archive.read(members["data.pkl"]))


def _exported(archive: zipfile.ZipFile, members: dict[str, str]) -> Archive:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as copy:
        for name, full in members.items():
            if not _KEPT.fullmatch(name):
                continue
            data = archive.read(full)
            if name.endswith("_config.json"):
                _require_plain(json.loads(data))
            if name == _MODEL:
                model = json.loads(data)
                model["guards_code"] = []
                data = json.dumps(model).encode()
            copy.writestr(full, data)
        copy.writestr(members[_MODEL].removesuffix(_MODEL) + _EXAMPLES, b"")
    names = sorted({text for key, text in _strings(model) if key == "target"})
    for key, text in _strings(model):
        if key == "expr_str" and not _is_symbolic(text):
            raise _Refused(f"it has a size that is computed by '{text[:80]}'")
    if not all(_is_symbolic(text) for text in model.get("range_constraints") or ()):
        raise _Refused("it has sizes with names that are none")
    bad = tuple(name for name in names if not _OPERATORS.fullmatch(name) or _FILES.fullmatch(name))
    return Archive("exported program", tuple(names), bad, content.getvalue())


def _script(archive: zipfile.ZipFile, members: dict[str, str]) -> Archive:
    """TorchScript is run by an interpreter of its own, which knows no Python; its operators may open files, though."""
    texts = [archive.read(full).decode() for name, full in members.items() if re.fullmatch(r"code/.*\.py", name)]
    names = sorted({name for text in texts for name in _CALL.findall(text)})
    foreign = (name for name in names if name.startswith("ops.") and not name.startswith(("ops.aten.", "ops.prim.")))
    bad = {*foreign, *(name for name in names if _FILES.fullmatch(name))}
    return Archive("TorchScript", tuple(names), tuple(sorted(bad)))


def _pickled(data: bytes) -> Archive:
    """List the names of a pickle; it is never loaded otherwise than with weights_only."""
    names = set()
    for code, argument, _ in pickletools.genops(data):
        if code.name == "GLOBAL":
            names.add(str(argument).replace(" ", "."))
        elif code.name in ("STACK_GLOBAL", "INST"):
            names.add("a name that is put together")
    only_weights = all(_WEIGHTS.fullmatch(name) for name in names)
    return Archive("weights" if only_weights else "pickled module", tuple(sorted(names)))


def _require_plain(config: Any) -> None:
    for name, item in config["config"].items():
        if item["use_pickle"] is not False:
            raise _Refused(f"'{name}' in it is pickled")
        if not re.fullmatch(r"(weight|tensor)_\d+", item["path_name"]):
            raise _Refused(f"'{name}' in it is an object of its own")


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a JSON document, with the key that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)


def _is_symbolic(text: str) -> bool:
    """Say whether an expression of sympy is made of numbers, symbols and known functions alone."""
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except SyntaxError:
        return False
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    known = all(isinstance(call.func, ast.Name) and call.func.id in _SYMBOLIC for call in calls)
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return (
        known
        and all(item.isidentifier() for item in texts)
        and all(isinstance(n, (ast.Call, *_HARMLESS)) for n in nodes)
    )
