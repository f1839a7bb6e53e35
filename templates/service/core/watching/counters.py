"""Numbers that only grow: each worker of a service counts for itself, and any of them knows the sums of all."""

import mmap
import os
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if sys.platform != "win32":
    import fcntl

_BYTES = 8


class SharedFolderError(OSError):
    """The folder that workers share cannot be written."""


class Counters:
    """``size`` numbers, 0 at first: ``cells`` are those of this worker. ``layout`` says in any words what they count.

    With ``folder`` they lie in a file there, one for each worker, mapped into memory: an increment costs what it costs
    in memory, and whatever ends the worker, the file has its last one. A new worker counts on in the file of one that
    has ended, so that there are never more files than workers were alive at a time. Put the folder on a file system in
    memory, where the kernel never writes it to a disk. On Windows each worker knows its own numbers only.

    Raises SharedFolderError where the folder cannot be written.
    """

    def __init__(self, layout: str, size: int, folder: Path | None = None) -> None:
        # Another release of the service may lay out its numbers in another way.
        self._name = f"counters-{sha256(layout.encode()).hexdigest()[:12]}-{size}"
        self._folder = None if sys.platform == "win32" else folder
        self._size = size
        try:
            memory = mmap.mmap(-1, size * _BYTES) if self._folder is None else self._map(self._folder)
        except OSError as error:
            raise SharedFolderError(f"SHARED_DIR='{folder}' cannot be written: {error}") from error
        self.cells = memoryview(memory).cast("d")

    def totals(self) -> NDArray[np.float64]:
        """Return the numbers of all workers, summed."""
        if self._folder is None:
            return np.array(self.cells)
        files = [path.read_bytes() for path in sorted(self._folder.glob(f"{self._name}-*"))]
        # A worker that starts just now has made its file and not filled it yet.
        whole = [np.frombuffer(content) for content in files if len(content) == self._size * _BYTES]
        sums: NDArray[np.float64] = np.sum(whole or [np.array(self.cells)], axis=0)
        return sums

    def _map(self, folder: Path) -> mmap.mmap:
        folder.mkdir(parents=True, exist_ok=True)
        number = 0
        while True:
            file = os.open(folder / f"{self._name}-{number}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # Held as long as the mapping is there: that is, until the worker ends, in whatever way.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Written, not only made that long: where a disk has no room left, a hole kills who writes into it.
                there = os.fstat(file).st_size
                os.pwrite(file, bytes(self._size * _BYTES - there), there)
                return mmap.mmap(file, self._size * _BYTES)
            except BlockingIOError:  # it belongs to a worker that is alive
                number += 1
            finally:
                os.close(file)
