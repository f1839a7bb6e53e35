"""Prints the figures of the conversion: ``python -m benchmarks.conversion [figure [name ...]]``."""

import importlib
import sys

#: In the order in which they are printed; each is a module of this folder with ``main``.
FIGURES = ("estimators", "pipelines", "trees", "boosters", "statistics", "pmml", "gate", "speed", "shipped")


def main(figure: str = "", *only: str) -> None:
    """Print one figure, or all."""
    for name in [figure] if figure else FIGURES:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.conversion.{name}").main(only)


if __name__ == "__main__":
    main(*sys.argv[1:])
