"""Measure what is not a stage of this workspace: a service at an address, or this workspace against another one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlship import golden as goldens
from mlship import signature as signatures
from mlship.errors import UsageError
from mlship.golden import Golden
from mlship.parity import tolerance_of
from mlship.reports.model import Measurement, Report
from mlship.signature import Signature
from mlship.stages import Progress
from mlship.trials import planned
from mlship.trials.collected import Collected
from mlship.trials.comparison import compare_services
from mlship.trials.loads import Loads, put
from mlship.trials.models import OPTIMISED, Model, models
from mlship.trials.paired import OTHER, THIS
from mlship.trials.rivals import compare_models
from mlship.trials.sides import Side
from mlship.trials.stopping import stopping
from mlship.trials.target import detect, prove
from mlship.verdicts.gates import Gates

#: Rows of a call where models are compared in process.
_SIZES = (1, 100)

Keep = Callable[[Report], None]


@dataclass(frozen=True)
class Known:
    """What a workspace knows of its model: the golden set, the signature, and its artifacts by kind."""

    golden: Golden
    signature: Signature
    there: Mapping[str, Path]


def known(there: Mapping[str, Path], whose: str) -> Known:
    """Read what is needed of a workspace's artifacts; raises UsageError where there is no golden set."""
    if "golden" not in there or "signature" not in there:
        hint = "mlship convert MODEL --data SAMPLE"
        raise UsageError(f"{whose} has no golden set yet, and answers are checked against it", hint)
    return Known(goldens.read(there["golden"]), signatures.read(there["signature"]), there)


def remote(
    url: str,
    of: Known,
    loads: Loads,
    gates: Gates,
    progress: Progress,
    options: Mapping[str, Any],
    keep: Keep,
    headers: Mapping[str, str],
) -> Report:
    """Measure the service at ``url``, which speaks POST /predict or the Open Inference Protocol, and judge gates.

    ``headers`` go with each request. After Ctrl-C the report is ``interrupted`` and has no verdicts.
    Raises ServiceError when it does not answer, GateError when an answer is wrong, UsageError for a gate that does not
    fit; what was measured until then is given to ``keep``.
    """
    found = Collected()

    def report(*, interrupted: bool = False) -> Report:
        subjects = {"service": url}
        return found.report("url", of.signature, of.golden, subjects=subjects, options=options, interrupted=interrupted)

    gates.require_fit(_with(report(), planned.service(loads, started=False)))
    with found.kept(report, keep):
        with stopping() as stop:
            progress(f"asking {url} what it speaks", 0.0)
            target = detect(url, of.golden, of.signature, tolerance_of(of.signature), headers=headers)
            found.parity = prove(target).to_json()
            put(target, loads, found, progress, tolerate=gates.tolerate, stop=stop)
        return report(interrupted=True) if stop.is_set() else gates.judged(report())


def versus(
    this: Known,
    other: Known,
    loads: Loads,
    gates: Gates,
    progress: Progress,
    *,
    seconds: float,
    subjects: Mapping[str, str],
    options: Mapping[str, Any],
    keep: Keep,
) -> Report:
    """Compare two workspaces, by their services where both have one, else by their models, and judge gates.

    ``seconds`` is the time for all rounds; ``subjects`` say what "this" and "other" are.
    Raises UsageError where they cannot be compared, and as ``remote`` does.
    """
    found = Collected()

    def report(*, interrupted: bool = False) -> Report:
        of = (this.signature, this.golden)
        return found.report("comparison", *of, subjects=subjects, options=options, interrupted=interrupted)

    served = "service" in this.there and "service" in other.there
    gates.require_fit(_with(report(), planned.compared_services(loads) if served else planned.compared_models(_SIZES)))
    with found.kept(report, keep):
        with stopping() as stop:
            timed: dict[str, Any] = {"seconds": seconds, "seed": loads.seed, "progress": progress, "stop": stop}
            if served:
                mine, theirs = (Side(each.there["service"], each.golden, each.signature) for each in (this, other))
                found.take(compare_services(mine, theirs, loads=loads.plans(), keep=found.take, **timed))
            else:
                found.notes.append("the models were compared in process, as one of the two has no service")
                ours, others = _served(this, subjects[THIS]), _served(other, subjects[OTHER])
                found.take(compare_models(ours, others, this.golden, sizes=_SIZES, **timed))
        return report(interrupted=True) if stop.is_set() else gates.judged(report())


def _with(report: Report, figures: Iterable[Measurement]) -> Report:
    return report.model_copy(update={"measurements": tuple(figures)})


def _served(of: Known, name: str) -> Model:
    found = models(of.there)
    if not found:
        raise UsageError(f"'{name}' has no ONNX model to compare", "scaffold a service in both: mlship scaffold")
    return found.get(OPTIMISED) or next(iter(found.values()))
