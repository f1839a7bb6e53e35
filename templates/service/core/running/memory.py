"""Memory that only the start of a process needs."""

import ctypes
import mmap
import re
import sys
from pathlib import Path

# A file's mapping in proc_pid_smaps(5) that runs and cannot be written, none of whose pages differs from the file:
# neither in memory nor in swap.
_CODE = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) r-xp .* /.*\n(?:[A-Z].*\n)*?Anonymous: +0 kB\n(?:[A-Z].*\n)*?Swap: +0 kB\n", re.MULTILINE
)


def release_code() -> None:
    """Give back the pages that hold code: what runs again is mapped anew from the cache of files, in microseconds.

    Libraries of models run most of their code once, to register what they can do: a quarter of the memory of a service
    (PSS), which Linux takes back only when there is none left. Elsewhere this does nothing. Source: madvise(2).
    """
    if sys.platform != "linux":
        return
    advise = ctypes.CDLL(None).madvise
    try:
        mappings = Path("/proc/self/smaps").read_text("utf-8", "surrogateescape")
    except OSError:  # a sandbox without it: everything stays where it is
        return
    for start, end in _CODE.findall(mappings):
        first = int(start, 16)
        advise(ctypes.c_void_p(first), ctypes.c_size_t(int(end, 16) - first), mmap.MADV_DONTNEED)
