"""Write docs/reference.md and the schemas of mlship.lock and report.json from the code. ``--check`` only compares."""

import json
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from mlship import errors, plugins
from mlship.cli import COMMANDS
from mlship.manifest import Manifest
from mlship.reports import schema as report_schema

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Write the pages, or fail when one is not up to date."""
    page = "\n".join(["# Reference", "", "Made by `nox -s docs` from the code.", "", *commands(), *options(), *exits()])
    lock = json.dumps(Manifest.model_json_schema(), indent=2) + "\n"
    written = {
        "reference.md": page,
        "mlship.lock.schema.json": lock,
        "report.schema.json": report_schema.text(),
    }
    for name, content in written.items():
        if "--check" not in sys.argv:
            (DOCS / name).write_text(content, "utf-8")
        elif (DOCS / name).read_text("utf-8") != content:
            sys.exit(f"docs/{name} is not up to date: nox -s docs")


def commands() -> list[str]:
    """Return the help of every command."""
    lines = ["## Commands", ""]
    for name in COMMANDS:
        command = [sys.executable, "-c", "from mlship.cli import main; main()", name, "--help"]
        environment = {"COLUMNS": "100", "NO_COLOR": "1", "PATH": ""}
        text = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        text = text.replace("Usage: -c ", "Usage: mlship ").replace("root [", "mlship [")
        lines += [
            f"### mlship {name}",
            "",
            "```text",
            *[line.rstrip() for line in text.strip().splitlines()],
            "```",
            "",
        ]
    return lines


def options() -> list[str]:
    """Return a table of options for every built-in stage plugin and method."""
    where = "Set them with `--set key=value` or in mlship.toml; those of methods stand under [optimize.options.NAME]."
    lines = ["## Plugins and their options", "", where, ""]
    for group, found in plugins.BUILT_IN.items():
        for name in found:
            kind = plugins.load(group, name)
            if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
                continue
            lines += [f"### {group}: {name}", "", (kind.__doc__ or "").strip().splitlines()[0], ""]
            lines += ["| option | default | meaning |", "| --- | --- | --- |"]
            for option, field in sorted(kind.model_fields.items()):
                lines.append(f"| {option} | `{field.get_default(call_default_factory=True)!r}` | {field.description} |")
            lines.append("")
    return lines


def exits() -> list[str]:
    """Return the table of errors and exit codes."""
    lines = ["## Errors and exit codes", "", "| exit code | error | meaning |", "| --- | --- | --- |", "| 0 | | done |"]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MlshipError)]
    for kind in sorted(kinds[1:], key=lambda kind: (kind.exit_code, kind.__name__)):
        lines.append(f"| {kind.exit_code} | {kind.__name__} | {(kind.__doc__ or '').strip()} |")
    return [*lines, ""]


if __name__ == "__main__":
    main()
