"""``helm lint`` and ``helm template`` for CI, where no package brings the program: Helm's own library, from PyPI."""

import argparse
import sys
from pathlib import Path

import helm_python as helm

_WARNING = 2


def main() -> int:
    """Do what the arguments ask for; return the exit code."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    lint = commands.add_parser("lint")
    lint.add_argument("chart")
    lint.add_argument("--strict", action="store_true")
    template = commands.add_parser("template")
    template.add_argument("name")
    template.add_argument("chart")
    template.add_argument("--output-dir", type=Path, required=True)
    given = parser.parse_args()
    try:
        if given.command == "lint":
            return _lint(given.chart, strict=given.strict)
        return _template(given.name, given.chart, given.output_dir)
    except helm.HelmError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _lint(chart: str, *, strict: bool) -> int:
    report = helm.lint(chart, strict=strict)
    for message in report["messages"]:
        print(f"{message['path']}: {message['error']}")
    worst = max((message["severity"] for message in report["messages"]), default=0)
    return int(bool(report["errors"]) or worst > _WARNING or (strict and worst == _WARNING))


def _template(name: str, chart: str, out: Path) -> int:
    with helm.Chart.load(chart) as loaded:
        loaded.validate_schema({})
        manifests = loaded.render(name=name, namespace="default")
    for path, text in manifests.items():
        if text.strip() and path.endswith(".yaml"):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
