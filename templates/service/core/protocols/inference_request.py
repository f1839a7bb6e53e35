"""A request of the Open Inference Protocol over REST: JSON, and after it the data of inputs that are sent as binary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.bodies.parse import RepeatedKeys, is_text, parse_exactly, parse_fast
from core.http import Head
from core.problems import invalid, shown
from core.protocols.open_inference import check_parameters
from core.protocols.tensors import Given

#: Says how long the JSON at the start of a body is.
LENGTH = "inference-header-content-length"

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request to infer: ``outputs`` are those that are asked for, each with whether its data is to be binary.

    ``binary`` says so for all, where none is named.
    """

    id: str | None
    inputs: list[Given]
    outputs: list[tuple[str, bool]]
    binary: bool


def read(head: Head, body: bytes) -> Request:
    """Return the request in ``body``; raises InvalidRequestError for anything else."""
    given = head.headers.get(LENGTH.encode())
    length = len(body) if given is None else _length(given, len(body))
    document = _fields(_parsed(body[:length] if length < len(body) else body), ("body",))
    parameters = _parameters(document, ("body",))
    all_binary = _flag(parameters, "binary_data_output", ("body",))
    name = document.get("id")
    if name is not None and not isinstance(name, str):
        raise invalid(("body", "id"), f"a string is expected, not {shown(name)}", "string_type")
    if name is not None and not is_text(name):
        raise invalid(("body", "id"), "the string has a code point that is not a character", "string_unicode")
    binary = _Binary(body, length)
    inputs = [_input(item, place, binary) for place, item in _list(document, "inputs")]
    outputs = [_wanted(item, place, default=all_binary) for place, item in _list(document, "outputs")]
    binary.check_end()
    return Request(name, inputs, outputs, all_binary)


class _Binary:
    """What follows the JSON in a body: the data of inputs, one after the other."""

    def __init__(self, body: bytes, start: int) -> None:
        self._body = memoryview(body)
        self._at = start

    def take(self, size: Any, place: Place) -> memoryview:
        left = len(self._body) - self._at
        if type(size) is not int or not 0 <= size <= left:
            told = f"a size of 0 to {left} bytes is expected, which is what follows, not {shown(size)}"
            raise invalid((*place, "binary_data_size"), told, "binary_data_size")
        self._at += size
        return self._body[self._at - size : self._at]

    def check_end(self) -> None:
        if left := len(self._body) - self._at:
            raise invalid(("body",), f"{left} bytes follow the data of the last input", "too_long")


def _length(text: bytes, most: int) -> int:
    if not text.isdigit() or len(text) > 18 or int(text) > most:
        told = f"a number up to the length of the body, {most}, is expected"
        raise invalid(("header", LENGTH), told, "header_length")
    return int(text)


def _parsed(text: bytes) -> Any:
    try:
        document = parse_fast(text)
    except ValueError:
        return parse_exactly(text)
    # Every key has a colon. With none to spare, none of the keys that the fast parser forgets was repeated.
    return document if text.count(b":") == _count_keys(document) else parse_exactly(text)


def _count_keys(document: Any) -> int:
    if not isinstance(document, dict):
        return 0
    lists = [item for name in ("inputs", "outputs") if isinstance(document.get(name), list) for item in document[name]]
    objects = [document, *(item for item in lists if isinstance(item, dict))]
    parameters = (item.get("parameters") for item in objects)
    return sum(map(len, objects)) + sum(len(item) for item in parameters if isinstance(item, dict))


def _input(item: Any, place: Place, binary: _Binary) -> Given:
    fields = _fields(item, place)
    name = _text(fields, "name", place)
    parameters = _parameters(fields, ("body", name))
    shape = fields.get("shape")
    if type(shape) is not list or not {int}.issuperset(map(type, shape)):
        raise invalid(("body", name, "shape"), f"a list of whole numbers is expected, not {shown(shape)}", "shape")
    data = fields.get("data")
    if "binary_data_size" in parameters:
        if data is not None:
            raise invalid(("body", name, "data"), "give data or binary_data_size, not both", "extra_forbidden")
        data = binary.take(parameters["binary_data_size"], ("body", name, "parameters"))
    elif not isinstance(data, list):
        raise invalid(("body", name, "data"), f"a list is expected, not {shown(data)}", "list_type")
    return Given(name, _text(fields, "datatype", ("body", name)), shape, data)


def _wanted(item: Any, place: Place, *, default: bool) -> tuple[str, bool]:
    fields = _fields(item, place)
    name = _text(fields, "name", place)
    return name, _flag(_parameters(fields, place), "binary_data", place, default=default)


def _fields(item: Any, place: Place) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise invalid(place, f"an object is expected, not {shown(item)}", "dict_type")
    if isinstance(item, RepeatedKeys):
        raise invalid((*place, item.names[0]), "this field is given more than once", "duplicate")
    return item


def _list(document: Mapping[str, Any], name: str) -> list[tuple[Place, Any]]:
    """Return the items of a list, each with its place; the number is a text there, as it is not that of a row."""
    items = document.get(name)
    if items is None:
        return []
    if not isinstance(items, list):
        raise invalid(("body", name), f"a list is expected, not {shown(items)}", "list_type")
    return [(("body", name, str(number)), item) for number, item in enumerate(items)]


def _text(fields: Mapping[str, Any], name: str, place: Place) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise invalid((*place, name), f"a string is expected, not {shown(value)}", "string_type")
    return value


def _parameters(fields: Mapping[str, Any], place: Place) -> dict[str, Any]:
    given = fields.get("parameters")
    if given is None:
        return {}
    parameters = _fields(given, (*place, "parameters"))
    check_parameters(parameters, place)
    return parameters


def _flag(parameters: Mapping[str, Any], name: str, place: Place, *, default: bool = False) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise invalid((*place, "parameters", name), f"true or false is expected, not {shown(value)}", "bool_type")
    return value
