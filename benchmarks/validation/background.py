"""Burns a core in random bursts, as a neighbour on a shared machine does.

Bursts and pauses are drawn from exponential distributions of 0.3 s each, so that half a core is gone on average, and
never the same half.
"""

import argparse
import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator

MEAN_SECONDS = 0.3
TOLD = f"a process that burns a core in bursts of {MEAN_SECONDS} s on average, and pauses as long (exponential)"


@contextlib.contextmanager
def neighbour(seed: int, seconds: float) -> Iterator[None]:
    """Have such a process while the context lasts, and for at most so many seconds."""
    command = [sys.executable, "-m", "benchmarks.validation.background", str(seed), str(seconds)]
    process = subprocess.Popen(command)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("the background load ended before what it was to disturb")
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seed", type=int)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    drawn, end = random.Random(given.seed), time.monotonic() + given.seconds
    while (now := time.monotonic()) < end:
        until = now + drawn.expovariate(1 / MEAN_SECONDS)
        while time.monotonic() < until:
            pass
        time.sleep(drawn.expovariate(1 / MEAN_SECONDS))


if __name__ == "__main__":
    main()
