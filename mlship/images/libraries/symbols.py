"""Symbols for debuggers: cut off shared libraries where nothing that runs comes after them."""

import os
import shutil
import struct
from mmap import ACCESS_READ, mmap
from pathlib import Path

#: Little-endian ELF of 64 bits, as on x86_64 and aarch64, and how long its header is.
_MAGIC, _HEADER = b"\x7fELF\x02\x01", 64
_SHF_ALLOC, _SHT_NOBITS = 2, 8


def cut(path: Path) -> int:
    """Cut off what is not loaded at the end of a shared library; return by how many bytes it is shorter.

    These are sections for debuggers, and the table of sections, which is not read when a program is loaded. A file is
    left as it is (0) where it is no ELF file of 64 bits, has no debug information, or keeps anything else there.
    Source: System V ABI, chapters "ELF Header", "Sections" and "Program Header".
    """
    size = path.stat().st_size
    if size < _HEADER:
        return 0
    with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
        if content[: len(_MAGIC)] != _MAGIC or content.find(b".debug_info\0") < 0:
            return 0
        try:
            end = _end_of_segments(content)
            loaded = _end_of_loaded_sections(content)
        except struct.error:  # a damaged file stays what it is
            return 0
        if end >= size or loaded > end:
            return 0
        header = bytearray(content[:_HEADER])
    struct.pack_into("<Q", header, 0x28, 0)  # e_shoff: no table of sections
    struct.pack_into("<HH", header, 0x3C, 0, 0)  # e_shnum, e_shstrndx
    # a copy: the file may have another name, in uv's cache
    copied = Path(shutil.copy(path, path.with_name(f".{path.name}")))
    os.truncate(copied, end)
    with copied.open("r+b") as shortened:
        shortened.write(header)
    copied.replace(path)
    return size - end


def _end_of_segments(content: mmap) -> int:
    """Return where the last byte of any segment lies; all kinds count, because notes may lie outside of the loaded."""
    (table,) = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    ends: list[int] = [table + size * count]
    for at in range(table, table + size * count, size):
        _, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", content, at)
        ends.append(offset + length)
    return max(ends)


def _end_of_loaded_sections(content: mmap) -> int:
    (table,) = struct.unpack_from("<Q", content, 0x28)
    size, count = struct.unpack_from("<HH", content, 0x3A)
    ends: list[int] = [0]
    for at in range(table, table + size * count, size):
        _, kind, flags, _, offset, length = struct.unpack_from("<IIQQQQ", content, at)
        if flags & _SHF_ALLOC and kind != _SHT_NOBITS:
            ends.append(offset + length)
    return max(ends)
