"""Models that are timed in quarantine: the original, and one that is kept in its own library."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlship import quarantine
from mlship.artifacts import digest
from mlship.errors import MlshipError
from mlship.golden import Golden
from mlship.interleaving import Burst
from mlship.quarantine import Limits, Visit
from mlship.trials.models import NATIVE, ORIGINAL
from mlship.trials.rows import batches


@dataclass(frozen=True)
class Quarantined:
    """A model that answers in another process, which times its calls itself."""

    visit: Visit

    def burst(self, rows: int) -> Burst:
        """Return what times calls of ``rows`` rows."""

        def run(times: int) -> list[float]:
            return list(self.visit.ask({"batch": rows, "runs": times})["seconds"])

        return run


@contextmanager
def opened(
    inputs: Mapping[str, Path], golden: Golden, sizes: Sequence[int], *, seconds: float, seed: int
) -> Iterator[tuple[dict[str, Quarantined], list[str]]]:
    """Load the original and the native model, where they are given, each in a process of its own.

    ``sizes`` are the numbers of rows that they will be asked about; ``seconds`` bounds the life of each process.
    Yields them by name, and notes on what is not measured: an original that cannot be loaded is no error.
    """
    files = {"model": "original", "native": "native", "golden": "golden", "signature": "signature"}
    request: dict[str, Any] = {key: str(inputs[kind].resolve()) for key, kind in files.items() if kind in inputs}
    request["batches"] = {rows: [drawn.tolist() for drawn in batches(golden, rows, seed)] for rows in sizes}
    found, notes, limits = {}, [], Limits(seconds)
    with ExitStack() as stack:
        if "original" in inputs:
            request["digest"] = digest(inputs["original"])
            try:
                found[ORIGINAL] = stack.enter_context(_loaded("time_original", request, limits))
            except MlshipError as error:
                notes.append(f"the original model was not measured: {error.message}")
        else:
            notes.append("the original model was not measured: its file was not given")
        if "native" in inputs:
            found[NATIVE] = stack.enter_context(_loaded("time_native", request, limits))
        yield found, notes


@contextmanager
def _loaded(target: str, request: Mapping[str, Any], limits: Limits) -> Iterator[Quarantined]:
    smallest = min(request["batches"])
    with quarantine.visit(f"mlship.visits:{target}", request, limits) as visit:
        visit.ask({"batch": smallest, "runs": 1})  # waits until it is loaded, or raises what was wrong
        yield Quarantined(visit)
