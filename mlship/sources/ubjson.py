"""Read Universal Binary JSON as XGBoost writes it, without the library (https://ubjson.org, version 12)."""

import struct
from typing import Any

_NUMBERS = {b"i": "b", b"U": "B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_VALUES: dict[bytes, Any] = {b"Z": None, b"T": True, b"F": False}
_MAX_DEPTH = 64


def loads(content: bytes) -> Any:
    """Decode ``content``; arrays of one type are skipped and become their length, for those hold the trees' numbers.

    Raises ValueError where it is damaged.
    """
    reader = _Reader(content)
    return reader.value(reader.take(1), 0)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0

    def take(self, size: int) -> bytes:
        end = self.position + size
        if size < 0 or end > len(self.content):
            raise ValueError("it ends too early")
        data, self.position = self.content[self.position : end], end
        return data

    def value(self, kind: bytes, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        if kind in _VALUES:
            return _VALUES[kind]
        if kind in _NUMBERS:
            return self.number(kind)
        if kind == b"S":
            return self.text()
        if kind == b"C":
            return self.take(1).decode("latin1")
        if kind == b"[":
            return self.array(depth)
        if kind == b"{":
            return self.object(depth)
        raise ValueError(f"it holds a value of unknown type {kind!r}")

    def number(self, kind: bytes) -> Any:
        form = _NUMBERS[kind]
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def length(self) -> int:
        kind = self.take(1)
        if kind not in _NUMBERS or kind in (b"d", b"D"):
            raise ValueError("it states a length that is no number")
        return int(self.number(kind))

    def text(self) -> str:
        return self.take(self.length()).decode("utf-8")

    def header(self) -> tuple[bytes, int | None]:
        """Read the type and the count that a container may state."""
        kind, count = b"", None
        if self.content[self.position : self.position + 1] == b"$":
            self.take(1)
            kind = self.take(1)
        if self.content[self.position : self.position + 1] == b"#":
            self.take(1)
            count = self.length()
            if not 0 <= count <= len(self.content):
                raise ValueError("it states a count that it does not hold")
        return kind, count

    def array(self, depth: int) -> Any:
        kind, count = self.header()
        if kind in _NUMBERS and count is not None:
            self.take(count * struct.calcsize(_NUMBERS[kind]))
            return count
        items: list[Any] = []
        while count is None or len(items) < count:
            marker = kind or self.take(1)
            if count is None and marker == b"]":
                break
            items.append(self.value(marker, depth + 1))
        return items

    def object(self, depth: int) -> dict[str, Any]:
        kind, count = self.header()
        found: dict[str, Any] = {}
        pairs = 0
        while count is None or pairs < count:
            if count is None and self.content[self.position : self.position + 1] == b"}":
                self.take(1)
                break
            key = self.text()
            found[key] = self.value(kind or self.take(1), depth + 1)
            pairs += 1
        return found
