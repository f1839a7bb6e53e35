"""Hold a model of the workspace against its golden set; a native one is loaded in quarantine, by the service's code."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlship import golden, parity, signature
from mlship.errors import GateError
from mlship.parity import Offender, Verdict
from mlship.quarantine import visit
from mlship.stages import Outcome

#: Kinds of artifact that a service can run.
SERVED = ("native", "onnx")


def judged(stage: str, plugin: str, outcome: Outcome, inputs: Mapping[str, Path], out: Path) -> Outcome:
    """Hold whatever model a stage wrote below ``out`` against the golden set: no plugin is trusted to have done it.

    Raises GateError when an answer is not the original's.
    """
    if outcome.artifacts.keys().isdisjoint(SERVED):
        return outcome
    verdict = judge({**inputs, **{kind: out / name for kind, name in outcome.artifacts.items()}})
    if not verdict.passed:
        raise GateError(f"{stage}: the model of plugin '{plugin}' does not answer as it should: {verdict.sentence()}")
    if "native" in outcome.artifacts:  # asked here for the first time, by the code that will serve it
        return replace(outcome, summary=f"{outcome.summary}: {verdict.sentence()}")
    return outcome


def judge(found: Mapping[str, Path]) -> Verdict:
    """Replay the golden set against the model among ``found``, artifacts by kind: "native", else "onnx".

    An ONNX model has the tolerance of its precision; a native one answers bit for bit alike in the batches of the
    original, and within double precision row by row.
    """
    if "native" in found:
        request = {kind: str(found[kind].absolute()) for kind in ("native", "golden", "signature")}
        with visit("mlship.visits:judge", request) as visited:
            return _revived(visited.wait()["verdict"])
    # imported here, since it loads ONNX Runtime: most stages leave no model, and would wait for it
    from mlship import runtime

    allowed = parity.tolerance_of(signature.read(found["signature"]))
    return runtime.parity(found["onnx"], golden.read(found["golden"]), allowed)


def _revived(told: Mapping[str, Any]) -> Verdict:
    first = told["first"]
    return Verdict(**{**told, "first": None if first is None else Offender(**first)})
