"""Prints the figures of the optimisation: ``python -m benchmarks.optimize [figures|models [name ...]]``."""

import importlib
import sys

#: In the order in which they are printed; each is a module of this folder with ``main``.
FIGURES = ("figures", "models")


def main(figure: str = "", *only: str) -> None:
    """Print one set of figures, or both."""
    for name in [figure] if figure else FIGURES:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.optimize.{name}").main(only)


if __name__ == "__main__":
    main(*sys.argv[1:])
