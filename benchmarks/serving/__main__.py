"""Prints how fast the services are beside their peers: ``python -m benchmarks.serving [load ...] [--quick]``."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.serving import figures, models, rounds, tables
from benchmarks.serving.environments import NotInstalledError, versions
from benchmarks.serving.running import LOAD_CORE, SERVER_CORE
from benchmarks.serving.servers import KINDS, Server, server
from mlship.measure import fingerprint

_START = "start"


def main() -> int:
    """Measure what is asked for and print both tables; return 1 where a server failed."""
    asked = _arguments()
    missing = [tool for tool in ("wrk", "taskset") if not shutil.which(tool)]
    if missing or not {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        print(f"needs two cores, wrk and taskset; there is no {', '.join(missing) or 'second core'}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        made = models.make(Path(folder), bare=asked.bare)
        plan, starting = _plan(asked, made)
        os.sched_setaffinity(0, {LOAD_CORE})
        outcome = rounds.run(plan, starting, made, asked.rounds, asked.seconds)
    tables.ratios(outcome)
    tables.absolute(outcome)
    for failure in outcome.failures:
        print(f"FAILED: {failure}")
    return 1 if outcome.failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    known = [*figures.LOADS, _START]
    parser.add_argument("loads", nargs="*", metavar="load", help=f"of {', '.join(known)}; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each load lasts (3)")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="servers with one of these in their name")
    parser.add_argument("--bare", action="store_true", help="no StandardScaler before the logistic regression")
    parser.add_argument("--quick", action="store_true", help="one round of one second: does everything run?")
    asked = parser.parse_args()
    if unknown := set(asked.loads) - set(known):
        parser.error(f"there is no load {', '.join(sorted(unknown))}")
    asked.loads = asked.loads or known
    if asked.quick:
        asked.rounds, asked.seconds = 1, 1.0
    return asked


def _plan(
    asked: argparse.Namespace, made: dict[str, models.Model]
) -> tuple[dict[str, dict[str, Server]], dict[str, Server]]:
    """Install and write what is needed, and print it; what cannot be had is named."""
    _print_machine()
    ready: dict[tuple[str, str], Server | None] = {}

    def wanted(names: set[str], model: str) -> dict[str, Server]:
        chosen = [name for name in KINDS if name in names and _named(name, asked.only)]
        for name in chosen:
            if (name, model) not in ready:
                ready[name, model] = _ready(name, made[model])
        return {name: found for name in chosen if (found := ready[name, model])}

    loads = {load: figures.LOADS[load] for load in asked.loads if load != _START}
    plan = {load: wanted(figures.servers(load, also=not asked.quick), what.model) for load, what in loads.items()}
    everybody = {name for name in KINDS if "batching" not in name and "async def" not in name}
    if asked.quick:
        everybody = {figures.PLAIN, figures.FAST}
    return plan, wanted(everybody, "logistic") if _START in asked.loads else {}


def _ready(name: str, model: models.Model) -> Server | None:
    try:
        found = server(name, model)
    except NotInstalledError as error:
        print(f"not measured: {name}: {error}", flush=True)
        return None
    told = versions(found.binaries) if found.binaries else {}
    shown = [f"{package} {told[package]}" for package in _SHOWN if package in told]
    print(f"{name:<28} {model.folder.name:<9} {', '.join(shown)}", flush=True)
    return found


_SHOWN = (
    "fastapi", "flask", "django", "mlserver", "bentoml", "uvicorn", "uvloop", "gunicorn", "granian", "scikit-learn",
    "onnxruntime", "numpy",
)  # fmt: skip


def _named(name: str, words: list[str]) -> bool:
    return not words or any(word.lower() in name.lower() for word in words)


def _print_machine() -> None:
    machine = fingerprint()
    print(f"{machine['cpu_model']}, {machine['cores']} cores, {machine['system']} {machine['kernel']}, "
          f"Python {machine['python']}; server on core {SERVER_CORE}, load on core {LOAD_CORE}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
