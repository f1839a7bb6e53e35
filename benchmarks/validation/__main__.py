"""Validates the benchmark itself: ``python -m benchmarks.validation NAME [option ...]``."""

import importlib
import sys

#: Each is a module of this folder with ``main(arguments) -> exit code``.
NAMES = ("generator", "percentiles", "wrk2", "ab")


def main(name: str = "", *arguments: str) -> int:
    """Run one of the scripts."""
    if name not in NAMES:
        print(f"usage: python -m benchmarks.validation {{{','.join(NAMES)}}} [--help]", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"benchmarks.validation.{name}").main(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
