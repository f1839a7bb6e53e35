import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlship.images.libraries.symbols import cut

LOADED, TAIL = b"code and data..." * 16, b".text\0.debug_info\0.shstrtab\0" + b"symbols." * 40
#: Sections by (type, flags, offset, size): PROGBITS or NOBITS, SHF_ALLOC or not.
PROGBITS, NOBITS, ALLOC = 1, 8, 2


def elf(sections: Sequence[tuple[int, int, int, int]], tail: bytes = TAIL, machine: int = 62) -> bytes:
    """Return a shared library of one segment, LOADED, what follows it, and a table of sections at the end."""
    start, table = 64 + 56, 64 + 56 + len(LOADED) + len(tail)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, table, 0, 64, 56, 1, 64, len(sections), 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, start + len(LOADED), start + len(LOADED), 4096)
    listed = b"".join(
        struct.pack("<IIQQQQIIQQ", 0, kind, flags, 0, at, size, 0, 0, 1, 0) for kind, flags, at, size in sections
    )
    return header + segment + LOADED + tail + listed


TEXT, DEBUG = (PROGBITS, ALLOC, 120, len(LOADED)), (PROGBITS, 0, 120 + len(LOADED), len(TAIL))


@pytest.mark.parametrize("machine", [62, 183])
def test_symbols_at_the_end_are_cut_off(machine: int, tmp_path: Path) -> None:
    path = tmp_path / "a.so"
    path.write_bytes(elf([TEXT, DEBUG, (NOBITS, ALLOC, 120 + len(LOADED), 4096)], machine=machine))
    before = path.read_bytes()
    assert cut(path) == len(TAIL) + 3 * 64
    after = path.read_bytes()
    assert after[64:] == before[64 : 120 + len(LOADED)]
    assert struct.unpack_from("<Q", after, 0x28) == (0,)
    assert struct.unpack_from("<HH", after, 0x3C) == (0, 0)


def test_another_name_of_the_file_keeps_its_symbols(tmp_path: Path) -> None:
    kept, path = tmp_path / "cache" / "a.so", tmp_path / "a.so"
    kept.parent.mkdir()
    kept.write_bytes(elf([TEXT, DEBUG]))
    kept.chmod(0o755)
    path.hardlink_to(kept)
    assert cut(path)
    assert kept.read_bytes() == elf([TEXT, DEBUG])
    assert path.stat().st_mode == kept.stat().st_mode
    assert {each.name for each in tmp_path.iterdir()} == {"cache", "a.so"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#!/usr/bin/python3",
        b"\x7fELF\x02\x01 and no more than the name .debug_info\0" * 3,
        b"\x7fELF\x01\x01" + elf([TEXT, DEBUG])[6:],
        elf([TEXT], tail=b"\0" * 300),
        elf([TEXT, DEBUG, (PROGBITS, ALLOC, 130 + len(LOADED), 20)]),
        elf([TEXT, DEBUG])[:-100],
    ],
    ids=["empty", "script", "damaged", "32 bits", "no symbols", "needed at the end", "cut short"],
)
def test_any_other_file_stays_as_it_is(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.so"
    path.write_bytes(content)
    assert cut(path) == 0
    assert path.read_bytes() == content
