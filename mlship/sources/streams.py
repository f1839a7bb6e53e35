"""Read a model file piece by piece, compressed or not, without trusting any size that it states."""

import bz2
import importlib
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

#: Errors of the decompressors: the file is damaged.
DECOMPRESSION_ERRORS = (zlib.error, lzma.LZMAError, EOFError, OSError)

#: magic -> compression, in the order in which joblib looks (joblib/numpy_pickle_utils.py, _detect_compressor); zip is
#: known to be told apart.
MAGIC = (
    (b"ZF", "zfile"),
    (b"\x78", "zlib"),
    (b"\x1f\x8b", "gzip"),
    (b"BZ", "bz2"),
    (b"\x5d\x00", "lzma"),
    (b"\xfd7zXZ", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
)

#: A compressed file may unpack to this many bytes, or to this many times its size.
MAX_UNPACKED = 4 << 30
MAX_RATIO = 100
#: Everything but arrays and byte strings, which are skipped, is kept in memory.
MAX_KEPT = 1 << 30

#: Bytes that are read ahead of the instructions.
AHEAD = 1 << 16

_PIECE = 1 << 20


class DamagedError(Exception):
    """The bytes are not what they should be."""


class RefusedError(Exception):
    """The bytes may mean something, but what cannot be told without running them."""


class Stream:
    """A sequential reader that counts, and that keeps to the frames of a pickle (PEP 3154).

    joblib's unpickler reads a whole frame into memory and reads arrays from the file behind it, so bytes that cross
    the end of a frame would be read differently here and there: they are refused.

    ``window`` holds bytes that were read ahead, ``at`` is the place in it; up to ``clear`` it may be read without
    another look, as neither a frame nor what may be kept ends before.
    """

    def __init__(self, source: io.BufferedIOBase, size: int) -> None:
        self.window = b""
        self.at = 0
        self.clear = 0
        self._source = source
        self._size = size
        self._begin = 0  # position of the window
        self._keep_until = MAX_KEPT
        self._frame_end: int | None = None
        self._stop = 0
        self._set_stop()

    @property
    def position(self) -> int:
        """How many bytes were read or skipped."""
        return self._begin + self.at

    def read(self, size: int) -> bytes:
        """Return ``size`` bytes, fewer at the end of the file."""
        start, end = self.at, self.at + size
        if end > self.clear:
            return self._read_on(size)
        self.at = end
        return self.window[start:end]

    def readline(self) -> bytes:
        """Return a line with its end."""
        start, end = self.at, self.window.find(b"\n", self.at, self.clear) + 1
        if not end:
            return self._read_on(MAX_KEPT, b"\n")
        self.at = end
        return self.window[start:end]

    def skip(self, size: int) -> None:
        """Read ``size`` bytes and forget them; raises DamagedError when there are fewer."""
        if size:
            self._leave_read_frame()
        end = self.position + size
        while self.position < end:
            if self.at == len(self.window) and not self._read_ahead(min(_PIECE, end - self.position)):
                raise DamagedError("it ends too early")
            self.at = min(len(self.window), end - self._begin)
            if self.position > self._size:
                raise DamagedError(f"it unpacks to more than {self._size >> 20:,} MB")
        self._keep_until += size
        self._set_stop()
        self._check_stop()

    def enter_frame(self, size: int) -> None:
        """Begin a frame of ``size`` bytes; raises RefusedError inside another one."""
        self.leave_frame()
        self._frame_end = self.position + size
        self._set_stop()

    def leave_frame(self) -> None:
        """Raise RefusedError unless the frame, if there is one, was read to its end."""
        if self._frame_end is not None and self._frame_end != self.position:
            raise RefusedError(f"a frame does not end where its content ends (byte {self.position})")
        self._frame_end = None
        self._set_stop()

    def _read_on(self, size: int, last: bytes = b"") -> bytes:
        """Return up to ``size`` bytes, or those up to the first that is ``last``, from here or beyond the window."""
        if size:
            self._leave_read_frame()
        pieces, left = [], size
        while left and (self.at < len(self.window) or self._read_ahead(AHEAD)):
            end = self.window.find(last, self.at) + 1 if last else 0
            piece = self.window[self.at : min(self.at + left, end or len(self.window))]
            self.at += len(piece)
            pieces.append(piece)
            left = 0 if end else left - len(piece)
            self._check_stop()
        return b"".join(pieces)

    def _read_ahead(self, size: int) -> bool:
        """Fill the window anew, once it was read; False at the end of the file."""
        self._begin += len(self.window)
        self.window, self.at = self._source.read1(size), 0
        self._set_stop()
        return bool(self.window)

    def _set_stop(self) -> None:
        limit = min(self._keep_until, self._size)
        self._stop = limit if self._frame_end is None else min(limit, self._frame_end)
        self.clear = min(self._stop - self._begin, len(self.window))

    def _leave_read_frame(self) -> None:
        """Forget the frame when it was read to its end: what comes now lies behind it."""
        if self._frame_end == self.position:
            self._frame_end = None
            self._set_stop()

    def _check_stop(self) -> None:
        """Raise RefusedError behind the end of the frame, DamagedError behind that of what may be kept."""
        if self.position <= self._stop:
            return
        if self._frame_end is not None and self.position > self._frame_end:
            raise RefusedError(f"an instruction crosses the end of a frame (byte {self.position})")
        raise DamagedError(f"it holds more than {min(MAX_KEPT, self._size) >> 20:,} MB beside its arrays")


def compression(magic: bytes) -> str:
    """Name the compression that the first bytes of a file tell, "" for none."""
    return next((name for prefix, name in MAGIC if magic.startswith(prefix)), "")


@contextmanager
def opened(path: Path) -> Iterator[tuple[Stream, str]]:
    """Open a model file: yields its decompressed content and the name of the compression ("" for none).

    Raises OSError when the file cannot be opened, DamagedError for a compression that is not read here.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        packing = compression(file.read(6))
        file.seek(0)
        if packing == "zip":
            raise DamagedError("it is a zip archive, not a pickle")
        if packing == "lz4" and find_spec("lz4") is None:
            raise DamagedError("it is compressed with lz4, for which the package lz4 is not installed")
        if packing == "zfile":
            raise DamagedError("it was saved by joblib before 0.10, in a format that is no longer read")
        limit = max(MAX_UNPACKED, MAX_RATIO * size) if packing else size
        yield Stream(_unpacked(file, packing), limit), packing


def _unpacked(file: io.BufferedReader, packing: str) -> io.BufferedReader:
    match packing:
        case "":
            return file
        case "bz2":
            return io.BufferedReader(bz2.BZ2File(file), _PIECE)
        case "lz4":
            frames = importlib.import_module("lz4.frame")
            return io.BufferedReader(_Checked(frames.LZ4FrameFile(file)), _PIECE)
        case "lzma" | "xz":
            return io.BufferedReader(lzma.LZMAFile(file), _PIECE)
        case _:
            wbits = zlib.MAX_WBITS | (16 if packing == "gzip" else 0)
            return io.BufferedReader(_Inflated(file, wbits), _PIECE)


class _Checked(io.RawIOBase):
    """The content of an lz4 file, whose damage is told as that of other compressions is."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as one step goes; 0 is the end."""
        try:
            data = self._file.read(len(buffer))
        except RuntimeError as error:
            raise EOFError from error
        buffer[: len(data)] = data
        return len(data)


class _Inflated(io.RawIOBase):
    """The content of one zlib or gzip stream; what follows it is an error, for joblib hangs on it."""

    def __init__(self, file: BinaryIO, wbits: int) -> None:
        self._file = file
        self._inflater = zlib.decompressobj(wbits)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        """Fill ``buffer`` as far as one step goes; 0 is the end."""
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._file.read(_PIECE)
            data = self._inflater.decompress(packed, len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            if not packed:
                raise EOFError
        if self._inflater.unused_data or self._file.read(1):
            raise EOFError
        return 0
