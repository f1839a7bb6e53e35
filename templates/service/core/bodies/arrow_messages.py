"""What a message of Arrow promises, read from its metadata: how many rows, and whether they are compressed.

Arrow takes the memory for them as soon as it reads the message, and a few bytes may stand for any number of rows.
Source: "Arrow Columnar Format", section "Encapsulated message format"; Message.fbs; and FlatBuffers' "Internals".
"""

import struct


def batch(metadata: bytes, *, dictionary: bool) -> tuple[int, bool]:
    """Return the length of a batch, and whether it is compressed, from the flatbuffer ``Message`` around it.

    Fields by number, as in Message.fbs: Message.header is 2; DictionaryBatch.data is 1; RecordBatch.length is 0 and
    RecordBatch.compression is 3. Raises ValueError or struct.error where the metadata is damaged.
    """
    header = _table(metadata, _field(metadata, _table(metadata, 0), 2))
    if dictionary:
        header = _table(metadata, _field(metadata, header, 1))
    length = _field(metadata, header, 0)
    rows = struct.unpack_from("<q", metadata, length)[0] if length else 0
    if rows < 0:
        raise ValueError(rows)
    return rows, _field(metadata, header, 3) > 0


def _table(metadata: bytes, at: int) -> int:
    """Return where the table is that the offset ``at`` points to."""
    return at + int(struct.unpack_from("<I", metadata, at)[0])


def _field(metadata: bytes, table: int, number: int) -> int:
    """Return where field ``number`` of a table is, 0 where it is not there."""
    layout = table - int(struct.unpack_from("<i", metadata, table)[0])
    if layout < 0:
        raise ValueError(layout)
    size = struct.unpack_from("<H", metadata, layout)[0]
    entry = 4 + 2 * number
    offset = struct.unpack_from("<H", metadata, layout + entry)[0] if entry + 2 <= size else 0
    return table + int(offset) if offset else 0
