"""The messages of gRPC are those of the protocol: names, numbers, types."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tritonclient.grpc import service_pb2

PUBLISHED = Path(__file__).parents[4] / "shared" / "schemas" / "open_inference_grpc.proto"

MESSAGES = [f"{name}{end}" for name in ("ServerLive", "ServerReady", "ModelReady") for end in ("Request", "Response")]
MESSAGES += [f"{name}{end}" for name in ("ServerMetadata", "ModelMetadata") for end in ("Request", "Response")]
MESSAGES += ["ModelInferRequest", "ModelInferResponse"]


@pytest.fixture(scope="module")
def classes(service_code: Callable[[str], Any]) -> dict[str, Any]:
    """The classes of messages by name."""
    found: dict[str, Any] = service_code("core.grpc.messages").CLASSES
    return found


def described(descriptor: Any) -> Iterator[tuple[Any, ...]]:
    """Yield what is sent for each field of a message and of those within it."""
    for field in descriptor.fields:
        if field.message_type:
            yield field.name, field.number, repeated(field), field.message_type.full_name
            yield from described(field.message_type)
        else:
            yield field.name, field.number, repeated(field), field.type


def repeated(field: Any) -> bool:
    """Say whether a field is repeated; new versions of protobuf warn of the old way to ask."""
    return bool(field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED)


#: The fields of the entries of a map.
KEY = {"key", "value"}


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_are_those_of_a_client(classes: dict[str, Any], name: str) -> None:
    mine, theirs = set(described(classes[name].DESCRIPTOR)), set(described(getattr(service_pb2, name).DESCRIPTOR))
    # the client's messages are those of the protocol before these were added
    newer = {field for field in mine if field[0] in {"properties", "double_param", "uint64_param"} or field[0] in KEY}
    assert mine - newer == theirs - newer


def test_fields_are_those_that_are_published(classes: dict[str, Any]) -> None:
    if not PUBLISHED.exists():
        pytest.skip(f"the published messages are not at {PUBLISHED}")
    text = re.sub(r"//.*", "", PUBLISHED.read_text("utf-8"))
    expected = dict(parsed(text))
    found = {}
    for message in classes.values():
        for each in (message.DESCRIPTOR, *message.DESCRIPTOR.nested_types):
            if not each.GetOptions().map_entry:
                found[each.full_name.removeprefix("inference.")] = dict(fields(each))
    assert found == expected


def parsed(text: str) -> Iterator[tuple[str, dict[str, tuple[str, int]]]]:
    """Yield each message of a .proto: its name, and type and number of each field."""
    where: list[str] = []
    found: dict[str, dict[str, tuple[str, int]]] = {}
    token = re.compile(r"(message|service|oneof)\s+(\w+)\s*{|}|([\w<>, ]+?)\s+(\w+)\s*=\s*(\d+);|\{\}|rpc[^;{]*")
    for match in token.finditer(text):
        kind, name, field_type, field, number = match.groups()
        if kind:
            where.append(name if kind == "message" else "")
            if kind == "message":
                found[".".join(filter(None, where))] = {}
        elif match.group() == "}":
            where.pop()
        elif field:
            found[".".join(filter(None, where))][field] = ("".join(field_type.split()), int(number))
    yield from found.items()


def fields(descriptor: Any) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield type and number of each field, as a .proto writes them."""
    for field in descriptor.fields:
        yield field.name, (written(field), field.number)


def written(field: Any) -> str:
    names = {
        1: "double",
        2: "float",
        3: "int64",
        4: "uint64",
        5: "int32",
        8: "bool",
        9: "string",
        12: "bytes",
        13: "uint32",
    }
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return f"map<string,{written(inner.fields_by_name['value'])}>"
    return ("repeated" if repeated(field) else "") + (names[field.type] if inner is None else inner.name)
