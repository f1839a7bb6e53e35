"""What all scaffolds share: templates/service with the user's model, signature and golden examples in it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from mlship import golden, signature
from mlship.rendering import render_tree
from mlship.scaffolds.examples import examples, text
from mlship.signature import Column, Signature
from mlship.stages import Outcome, Progress, Scaffold

# What still reads well in the README of a model with hundreds of columns.
_COLUMNS_SHOWN, _CHARACTERS_SHOWN = 50, 2_000
_REQUIREMENTS = "requirements.txt"
#: What only one kind of server, or only gRPC, needs of core/.
_OF_SERVER = {
    "core/fronts/answering.py": "uvicorn",
    "core/fronts/asgi.py": "uvicorn",
    "core/fronts/deadline.py": "uvicorn",
    "core/fronts/heads.py": "uvicorn",
    "core/fronts/wsgi.py": "granian",
}
_OF_GRPC = ("core/grpc",)


class ServiceScaffold(Scaffold):
    """Writes a service that answers with the model; it runs without mlship and belongs to the user.

    ``framework`` names the folder of templates/service/apps that goes on top, ``server`` that of servers/.
    """

    reads = ("golden", "signature")
    either = ("onnx", "native")
    framework: ClassVar[str]
    title: ClassVar[str]
    server: ClassVar[str]

    grpc: bool = Field(default=False, description="answer the Open Inference Protocol over gRPC too, at GRPC_PORT")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write ``out``/service: code, README, tests and the folder model/.

        Raises DamagedWorkspaceError when an input is damaged, DataError when no golden row can be sent as JSON.
        """
        told = signature.read(inputs["signature"])
        found = examples(golden.read(inputs["golden"]), told)
        service = out / "service"
        progress("writing the service")
        pins = _pins(inputs["native"]) if "native" in inputs else ()
        values = {**_values(told, found), "pins": pins, "framework": self.framework, "server": self.server}
        written = self._code(service, {**values, "title": self.title, "grpc": self.grpc})
        model = service / "model"
        model.mkdir(parents=True)
        for name, source in sorted(_model_files(inputs).items()):
            shutil.copyfile(source, model / name)
            written.append(f"model/{name}")
        (model / "examples.json").write_text(text(found), encoding="utf-8")
        written.append("model/examples.json")
        facts = {"framework": self.framework, "files": sorted(written), "examples": len(found)}
        columns = f"{len(told.columns)} column{'s' if len(told.columns) != 1 else ''}"
        return Outcome({"service": "service"}, f"{self.title} service for {told.model} with {columns}", facts)

    def _code(self, service: Path, values: Mapping[str, object]) -> list[str]:
        others = [name for name, server in _OF_SERVER.items() if server != self.server]
        without = ["apps", "servers", *others, *(() if self.grpc else _OF_GRPC)]
        written = render_tree("service", service, values, without=without)
        for folder in (f"apps/{self.framework}", f"servers/{self.server}"):
            written += render_tree(f"service/{folder}", service, values)
        return written


def _model_files(inputs: Mapping[str, Path]) -> dict[str, Path]:
    """Return what lies in model/: files by name."""
    names = {"onnx": "model.onnx", "signature": "signature.json", "session": "session.json"}
    if "native" in inputs:
        kept = {path.name: path for path in inputs["native"].iterdir() if path.name != _REQUIREMENTS}
        return {**kept, "signature.json": inputs["signature"]}
    return {name: inputs[kind] for kind, name in names.items() if kind in inputs}


def _pins(native: Path) -> list[str]:
    """Return the libraries of a native model, each with its version."""
    return (native / _REQUIREMENTS).read_text("utf-8").split()


def _values(told: Signature, found: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return what README.md.j2 is filled with."""
    always = "prediction" if "prediction" in found[0]["answer"] else told.outputs[0].name
    answer = _line({always: found[0]["answer"][always]})
    return {
        "model": told.model,
        "features": _short(found[0]["features"]),
        "records": _short(found[0]["records"]),
        "answer": answer if len(answer) <= _CHARACTERS_SHOWN else "",
        "more": [output.name for output in told.outputs if output.name != always],
        "columns": [_shown(column) for column in told.columns[:_COLUMNS_SHOWN]],
        "hidden": max(0, len(told.columns) - _COLUMNS_SHOWN),
    }


def _short(body: Mapping[str, Any]) -> str:
    """Return the body as one line, or "" where that line would be too long to read."""
    line = _line(body)
    return line if len(line) <= _CHARACTERS_SHOWN else ""


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _shown(column: Column) -> dict[str, object]:
    # In a Markdown table a name is one line of code, in which only | and the backtick are special.
    name = " ".join(column.name.split()).replace("|", "\\|").replace("`", "'")
    return {"name": name, "type": column.type, "nullable": column.nullable}
