"""The Open Inference Protocol, version 2, without its transport: what the model takes and gives, as tensors.

Source: "Predict Protocol - Version 2" (https://github.com/kserve/open-inference-protocol).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from core.bodies.decode import Rows
from core.predictor import Arrays
from core.problems import MOST_PROBLEMS, InvalidRequestError, Problem, invalid, shown
from core.protocols.tensor_values import count_rows, numbers, strings
from core.protocols.tensors import BYTES, DATATYPES, Given, Made, made
from core.runtime.signature import Column, Output, Tensor

if TYPE_CHECKING:
    from core.service import Service

EXTENSIONS = ("binary_tensor_data",)

# Extensions of other servers that would change the answer: whoever asks for one must not get another answer instead.
_REFUSED = ("shared_memory_region", "classification")


@dataclass(frozen=True, slots=True)
class _Slot:
    """An input that may be sent: ``columns`` are the names of its columns."""

    kind: str
    columns: tuple[str, ...]


class OpenInference:
    """Speaks of one model in the words of the protocol.

    A request gives one input for each ONNX input, or one for each column of the model, by the name of the column.
    """

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._signature = service.model.signature
        self._max_rows = service.settings.max_rows
        self._columns = {column.name: column for column in self._signature.columns}
        self._by_tensor = {tensor.name: self._slot(tensor) for tensor in self._signature.tensors}
        self._by_column = {name: _Slot(_kind(column), (name,)) for name, column in self._columns.items()}
        self._outputs: dict[str, Output] = {output.name: output for output in self._signature.outputs}
        self._parameters: dict[str, dict[str, str]] = {
            output.name: {"classes": orjson.dumps(output.classes).decode()} if output.classes else {}
            for output in self._signature.outputs
        }

    def server(self) -> dict[str, Any]:
        """Return the metadata of the server."""
        return {"name": self._service.name, "version": self._service.version, "extensions": list(EXTENSIONS)}

    def model(self) -> dict[str, Any]:
        """Return the metadata of the model; its properties are texts, those that are lists are written as JSON."""
        runtime = self._service.model.runtime
        classes = next((output.classes for output in self._signature.outputs if output.classes), None)
        lists = {"columns": tuple(self._columns), **({"classes": classes} if classes else {})}
        return {
            "name": self._service.name,
            "versions": [self._service.version],
            "platform": f"{runtime.libraries[0]}_{runtime.file.suffix.lstrip('.')}",
            "inputs": [self._described(tensor) for tensor in self._signature.tensors],
            "outputs": [_output(output) for output in self._signature.outputs],
            "properties": {
                "task": self._signature.task,
                **{name: orjson.dumps(value).decode() for name, value in lists.items()},
            },
        }

    def find(self, name: str, version: str = "") -> None:
        """Raise InvalidRequestError (404) where there is no such model, or not in this version ("": any)."""
        service = self._service
        if name != service.name:
            told = f"there is no model {shown(name)}; there is: {service.name}"
            raise invalid(("path", "model_name"), told, "not_found", status=404)
        if version and version != service.version:
            told = f"there is no version {shown(version)} of {name}; there is: {service.version}"
            raise invalid(("path", "model_version"), told, "not_found", status=404)

    def choose(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the outputs to compute: those that are asked for, in their order, else all."""
        if self._outputs.keys() >= set(names) and len(set(names)) == len(names):
            return tuple(names) or tuple(self._outputs)
        known = ", ".join(self._outputs)
        problems = [
            Problem(("body", "outputs"), f"there is no output {shown(name)}; there is: {known}", "enum")
            for name in names
            if name not in self._outputs
        ]
        problems += [
            Problem(("body", "outputs"), f"the output {shown(name)} is asked for more than once", "duplicate")
            for name in _repeated(names)
        ]
        raise InvalidRequestError(problems[:1])

    def rows(self, inputs: Sequence[Given]) -> Rows:
        """Return the rows in ``inputs``; what is wrong is at ("body", input, row, column)."""
        slots = self._slots([given.name for given in inputs])
        counts = {given.name: count_rows(given, len(slots[given.name].columns)) for given in inputs}
        self._check_counts(counts)
        arrays = {given.name: _values(given, slots[given.name]) for given in inputs}
        decoder = self._service.predictor.decoder
        if slots is self._by_tensor:
            return decoder.from_arrays(arrays)
        try:
            return decoder.from_arrays(self._stacked(arrays))
        except InvalidRequestError as error:
            # The client knows no ONNX inputs: it sent columns.
            problems = [Problem(("body", *at.loc[3:], *at.loc[2:]), at.msg, at.type) for at in error.problems]
            raise InvalidRequestError(problems) from error

    def answer(self, arrays: Arrays) -> list[Made]:
        """Return the outputs in ``arrays`` as tensors."""
        return [made(name, self._outputs[name].type, array, self._parameters[name]) for name, array in arrays.items()]

    def _slot(self, tensor: Tensor) -> _Slot:
        mine = sorted((c.index, c.name) for c in self._signature.columns if c.tensor == tensor.name)
        return _Slot(tensor.kind, tuple(name for _, name in mine))

    def _described(self, tensor: Tensor) -> dict[str, Any]:
        """Return the metadata of an input; only floats and strings can say that a value is missing."""
        column = self._columns[self._by_tensor[tensor.name].columns[0]]
        plain = tensor.width > 1 or column.nullable
        number = "FP32" if self._service.model.runtime.dtypes[tensor.name] == np.float32 else "FP64"
        datatype = number if plain or column.type == "number" else DATATYPES[column.type]
        return {
            "name": tensor.name,
            "datatype": BYTES if tensor.kind == "string" else datatype,
            "shape": [-1, tensor.width],
        }

    def _slots(self, names: Sequence[str]) -> Mapping[str, _Slot]:
        """Return what may be sent, by name; raises InvalidRequestError where ``names`` are not exactly that."""
        given = set(names)
        if len(given) == len(names):
            if given == self._by_tensor.keys():
                return self._by_tensor
            if given == self._by_column.keys():
                return self._by_column
        by_column = bool(given & (self._by_column.keys() - self._by_tensor.keys()))
        known = self._by_column if by_column else self._by_tensor
        raise InvalidRequestError(_misnamed(names, list(known)))

    def _check_counts(self, counts: Mapping[str, int]) -> None:
        first, rows = next(iter(counts.items()))
        for name, count in counts.items():
            if count != rows:
                told = f"{rows} rows are expected, as many as in '{first}', found {count}"
                raise invalid(("body", name, "shape"), told, "shape")
        if not 1 <= rows <= self._max_rows:
            told = f"{rows} rows in one request, 1 to {self._max_rows} are allowed"
            raise invalid(("body", first, "shape"), told, "too_long" if rows else "too_short")

    def _stacked(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {
            name: np.concatenate([columns[column] for column in slot.columns], axis=1)
            for name, slot in self._by_tensor.items()
        }


def check_parameters(parameters: Mapping[str, Any], loc: tuple[str | int, ...]) -> None:
    """Raise InvalidRequestError for parameters that ask for what is not done here."""
    for name in _REFUSED:
        if name in parameters:
            raise invalid((*loc, "parameters"), f"'{name}' is not supported", "unsupported")


def _values(given: Given, slot: _Slot) -> NDArray[Any]:
    return strings(given, slot.columns) if slot.kind == "string" else numbers(given, slot.columns)


def _kind(column: Column) -> str:
    return "string" if column.type == "string" else "number"


def _output(output: Output) -> dict[str, Any]:
    shape = [-1] if output.width is None else [-1, output.width]
    return {"name": output.name, "datatype": DATATYPES[output.type], "shape": shape}


def _misnamed(names: Sequence[str], known: Sequence[str]) -> list[Problem]:
    there = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    given, wanted = set(names), set(known)
    problems = chain(
        (
            Problem(("body", name[:60]), f"there is no such input; there is: {there}", "extra_forbidden")
            for name in names
            if name not in wanted
        ),
        (Problem(("body", name[:60]), "this input is given more than once", "duplicate") for name in _repeated(names)),
        (Problem(("body", name), "this input is missing", "missing") for name in known if name not in given),
    )
    return list(islice(problems, MOST_PROBLEMS))


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
