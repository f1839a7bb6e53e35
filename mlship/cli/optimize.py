"""mlship optimize."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlship import formats, pipeline
from mlship.cli.common import Force, Plugin, Settings, Target, as_command, brought, configured, results, run_stages
from mlship.cli.console import Answer, Screen
from mlship.stages import Optimizer
from mlship.workspace import Workspace

_SHOWN = 14  # candidates on the screen; all of them are in candidates.html

Method = Annotated[
    str | None,
    typer.Option("--method", help="What to try, for example graph,quantize,prune.", show_default="all that can help"),
]
Objective = Annotated[
    str | None,
    typer.Option("--objective", help="What to improve: latency, throughput or size.", show_default="latency"),
]
Batch = Annotated[
    str | None, typer.Option("--batch", help="Rows a call that matter to you, for example 1,100.", show_default="1,100")
]
Drop = Annotated[
    str | None,
    typer.Option("--max-accuracy-drop", help="Allowed loss of accuracy or R2, such as 0.5%.", show_default="none"),
]
Labels = Annotated[
    str | None,
    typer.Option("--max-label-changes", help="Allowed share of other labels, such as 0.1%.", show_default="none"),
]
Speedup = Annotated[
    float | None, typer.Option("--min-speedup", help="Gate: times as fast as the converted model.", show_default=False)
]
Size = Annotated[
    str | None, typer.Option("--max-size", help="Gate: size of the model file, such as 1MB.", show_default=False)
]
Time = Annotated[
    float | None, typer.Option("--time-budget", help="Seconds that all of it may take, about.", show_default="60")
]
Explain = Annotated[bool, typer.Option("--explain", help="Say what can help this model, and why, and stop there.")]


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    max_accuracy_drop: Drop = None,
    max_label_changes: Labels = None,
    objective: Objective = None,
    batch: Batch = None,
    method: Method = None,
    min_speedup: Speedup = None,
    max_size: Size = None,
    time_budget: Time = None,
    target: Target = None,
    explain: Explain = False,
    plugin: Plugin = None,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Make the converted model faster or smaller, if measuring shows it."""
    given, answers = brought(workspace, None, None, target, None)
    flags = {
        "max_accuracy_drop": max_accuracy_drop,
        "max_label_changes": max_label_changes,
        "objective": objective,
        "batch": _numbers(batch),
        "method": None if method is None else [name.strip() for name in method.split(",")],
        "min_speedup": min_speedup,
        "max_size": max_size,
        "time_budget": time_budget,
        "target": answers,
    }
    options: dict[str, Any] = {"settings": settings, "flags": {"optimize": flags}, "chosen": {"optimize": plugin}}
    if explain:
        (step,) = configured(workspace, ["optimize"], **options)
        return _explained(pipeline.inputs(workspace, step, given), step.instance)
    done = run_stages(screen, workspace, ["optimize"], given=given, force=["optimize"] if force else [], **options)
    record = done[0].record
    if "candidates" not in record.outputs:
        return Answer(results(done), record.summary)
    folder = workspace.located(record.outputs["candidates"])
    path = record.outputs["onnx"].path
    return Answer(results(done), f"{table(folder)}\n\n{path}: {record.summary}", brief=path)


def table(folder: Path) -> str:
    """Lay out the candidates in ``folder`` for the screen, the kept one marked."""
    file = folder / "candidates.json"
    if not file.is_file():
        return ""
    document = json.loads(file.read_text("utf-8"))
    batches = [str(batch) for batch in document["asked"]["batch"]]
    labels = document["labels"]
    times = [f"{int(batch):,} row{'s' * (batch != '1')}" for batch in batches]
    heads = ["", "candidate", document["measure"], *["other labels"] * labels, "size", *times, ""]
    rows = document["candidates"]
    body = [_line(row, batches, labels=labels) for row in [*rows[:1], *sorted(rows[1:], key=_worth)][:_SHOWN]]
    more = f"\n{len(rows) - _SHOWN} more in {file.with_suffix('.html').name}" if len(rows) > _SHOWN else ""
    judged = f"{document['rows_judged']:,} rows judged, against {document['against']}; * on the Pareto front"
    return _aligned([heads, *body]) + more + f"\n{judged}"


def _worth(row: dict[str, Any]) -> tuple[bool, bool, bool, int]:
    return not row["chosen"], not row["front"], bool(row["out"]), row["size_bytes"]


def _line(row: dict[str, Any], batches: Sequence[str], *, labels: bool) -> list[str]:
    score, times = row["quality"]["score"], row["times"]
    return [
        ">" if row["chosen"] else "*" if row["front"] else " ",
        row["name"],
        "-" if score is None else f"{score:.4f}",
        *[str(row["quality"]["label_changes"])] * labels,
        formats.size(row["size_bytes"]),
        *(formats.seconds(times[batch]["seconds"]) if batch in times else "-" for batch in batches),
        "kept" if row["chosen"] else row["out"],
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    right = range(2, len(widths) - 1)
    lines = []
    for row in rows:
        cells = [cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _explained(inputs: dict[str, Path], optimizer: Any) -> Answer:
    assert isinstance(optimizer, Optimizer)
    found = optimizer.explain(inputs)
    data = {"model": found.model, "methods": {n: {"applies": a, "why": why} for n, (a, why) in found.methods.items()}}
    lines = [f"  {'+' if applies else '-'} {name:<9} {why}" for name, (applies, why) in found.methods.items()]
    return Answer(data, "\n".join([found.model, *lines]), brief=" ".join(n for n, (a, _) in found.methods.items() if a))


def _numbers(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    return [int(part) if part.strip().isdigit() else part.strip() for part in text.split(",")]
