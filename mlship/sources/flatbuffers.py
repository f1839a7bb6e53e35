"""Read single fields of FlatBuffers, without their schema compiler (https://flatbuffers.dev/internals)."""

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table in ``content`` at ``position``; fields are asked for by their number in the schema.

    All methods raise ValueError where offsets lead out of the content.
    """

    content: bytes
    position: int

    def text(self, field: int) -> str | None:
        """Return a field of type string, None where it is not set."""
        place = self._followed(field)
        if place is None:
            return None
        start, size = place + 4, _unsigned(self.content, place)
        if start + size > len(self.content):
            raise ValueError("a text ends outside of the file")
        return self.content[start : start + size].decode("utf-8")

    def tables(self, field: int) -> "list[Table]":
        """Return a field that is a vector of tables, empty where it is not set."""
        place = self._followed(field)
        if place is None:
            return []
        count = _unsigned(self.content, place)
        if place + 4 + 4 * count > len(self.content):
            raise ValueError("a vector ends outside of the file")
        places = (place + 4 + 4 * number for number in range(count))
        return [Table(self.content, at + _unsigned(self.content, at)) for at in places]

    def table(self, field: int) -> "Table | None":
        """Return a field that is a table, None where it is not set."""
        place = self._followed(field)
        return None if place is None else Table(self.content, place)

    def integer(self, field: int, default: int = 0) -> int:
        """Return a field of type int (32 bits)."""
        place = self._field(field)
        return default if place is None else int(_unpacked("<i", self.content, place))

    def _followed(self, field: int) -> int | None:
        place = self._field(field)
        return None if place is None else place + _unsigned(self.content, place)

    def _field(self, field: int) -> int | None:
        """Return where a field lies: the table begins with how far before it its list of offsets is."""
        offsets = self.position - int(_unpacked("<i", self.content, self.position))
        entry = 4 + 2 * field
        if entry >= int(_unpacked("<H", self.content, offsets)):
            return None
        offset = int(_unpacked("<H", self.content, offsets + entry))
        return self.position + offset if offset else None


def root(content: bytes, start: int = 0) -> Table:
    """Return the table in which everything else is found; the buffer begins at ``start``."""
    return Table(content, start + _unsigned(content, start))


def _unsigned(content: bytes, place: int) -> int:
    return int(_unpacked("<I", content, place))


def _unpacked(form: str, content: bytes, place: int) -> int:
    if not 0 <= place <= len(content) - struct.calcsize(form):
        raise ValueError("an offset leads out of the file")
    return int(struct.unpack_from(form, content, place)[0])
