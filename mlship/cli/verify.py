"""mlship verify."""

from pathlib import Path
from typing import Annotated

import typer

from mlship import golden, parity, runtime, signature
from mlship.cli.common import as_command
from mlship.cli.console import Answer, Screen
from mlship.client import headers_of
from mlship.errors import DataError, GateError, UsageError
from mlship.judging import judge
from mlship.replay import left_out, replay
from mlship.signature import Signature
from mlship.workspace import Workspace

Url = Annotated[str | None, typer.Option("--url", help="Address of a running service.", show_default=False)]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "--header", help="Sent with each request to --url, as 'X-API-Key: ...' (repeatable).", show_default=False
    ),
]
Onnx = Annotated[Path | None, typer.Option("--onnx", help="An ONNX file.", show_default=False)]


@as_command
def command(screen: Screen, workspace: Workspace, url: Url = None, header: Header = None, onnx: Onnx = None) -> Answer:
    """Replay the golden set against an ONNX file or a running service; without either, the workspace's model."""
    if url and onnx:
        raise UsageError("--url and --onnx do not go together", "verify one at a time")
    if header and not url:
        raise UsageError("--header goes with --url")
    there = workspace.artifacts("deploy")
    if "golden" not in there:
        raise UsageError("verify: there is no golden set in this workspace yet", "mlship convert MODEL --data SAMPLE")
    rows, described = golden.read(there["golden"]), signature.read(there["signature"])
    allowed = parity.tolerance_of(described)
    kept = there.get("native") or there.get("onnx")
    if kept is None and not (url or onnx):
        raise UsageError("verify: this workspace has no model that a service runs", "mlship convert --to onnx")
    what = url or str(onnx or workspace.shown(kept or workspace.root))
    if url:
        verdict = replay(url, rows, described, allowed, headers=headers_of(header or ()))
    elif onnx:
        if not onnx.is_file():
            raise DataError(f"there is no file '{onnx}'")
        verdict = runtime.parity(onnx, rows, allowed)
    else:
        verdict = judge(there)
    if not verdict.passed:
        raise GateError(f"{what} does not give {_whose(described)} answers: {verdict.sentence()}")
    said = verdict.sentence() + (left_out(rows) if url else "") + _lost(described)
    return Answer({"verified": what, **verdict.to_json()}, f"{what}: {said}")


def _whose(described: Signature) -> str:
    return "the optimised model's" if described.loss else "the original's"


def _lost(described: Signature) -> str:
    return f"; the optimised model, {described.loss}, is what counts" if described.loss else ""
