"""A service gives back the code that only its start ran, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells of mappings on Linux alone")

SERVICE = Path(__file__).parents[3] / "templates" / "service"

RESIDENT = """
import re
import numpy as np
from core.running.memory import release_code

def resident():
    told = open("/proc/self/smaps").read()
    return sum(map(int, re.findall(r"^[0-9a-f]+-[0-9a-f]+ r-xp .*\\n(?:[A-Z].*\\n)*?Rss: +([0-9]+)", told, re.M)))

matrix = np.array([[2.0, 0.0], [0.0, 4.0]])
inverted, before = np.linalg.inv(matrix), resident()
release_code()
after = resident()
assert (np.linalg.inv(matrix) == inverted).all()
print(before, after)
"""

PATCHED = """
import ctypes, mmap, sys
from core.running.memory import release_code

file = open(sys.argv[1], "r+b")
there = mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
address = ctypes.addressof(ctypes.c_char.from_buffer(there))
there[:7] = b"patched"
code = ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC
assert ctypes.CDLL(None).mprotect(*code) == 0
release_code()
print(ctypes.string_at(address, 7).decode())
"""


def child(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=SERVICE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_code_that_has_run_leaves_the_memory_and_runs_again() -> None:
    before, after = map(int, child(RESIDENT).split())
    assert after < before / 2


def test_code_that_was_written_into_stays(tmp_path: Path) -> None:
    """As a debugger does with its breakpoints."""
    file = tmp_path / "code"
    file.write_bytes(b"as it was".ljust(4096, b"\0"))
    assert child(PATCHED, str(file)) == "patched\n"
