"""checkov: rules for what infrastructure files should not do."""

import json
from collections.abc import Mapping
from pathlib import Path

from mlship.stages import Checked
from mlship.targets.checks import programs

_NAME = "checkov"


def check(folder: Path, framework: str, explained: Mapping[str, str]) -> Checked:
    """Hold the files below ``folder`` against checkov's rules for ``framework``.

    ``explained``: rules that the files do not follow, each with its reason, which is told.
    """
    options = ["--directory", ".", "--framework", framework, "--output", "json", "--skip-download"]
    skipped = ["--skip-check", ",".join(explained)] if explained else []
    done = programs.ended(_NAME, [*options, *skipped], folder)
    if done is None:
        return programs.absent(_NAME)
    try:
        count, failed, broken = _read(done.stdout)
    except (ValueError, KeyError, TypeError, AttributeError):  # no JSON, or that of something else
        words = (done.stdout + done.stderr).strip()[-4000:]
        return Checked(_NAME, passed=False, said=words or f"it ended with {done.returncode}, without a word")
    if failed or broken or not count:
        lines = failed + [f"{path} cannot be read" for path in broken]
        return Checked(_NAME, passed=False, said="\n".join(lines) or "found no file that it knows")
    reasons = "; ".join(f"{rule} ({reason})" for rule, reason in sorted(explained.items()))
    return Checked(_NAME, passed=True, said=f"{count} checks passed" + (f"; left out: {reasons}" if reasons else ""))


def _read(text: str) -> tuple[int, list[str], list[str]]:
    """Return how many checks passed, what was found, and the files that could not be read."""
    told = json.loads(text)
    # one report for each kind of file, or a summary alone where no file was recognised
    reports = [each for each in (told if isinstance(told, list) else [told]) if each.get("summary") is not None]
    count = sum(each["summary"]["passed"] for each in reports)
    failed = [_line(found) for each in reports for found in each["results"]["failed_checks"]]
    broken = [str(path) for each in reports for path in each["results"].get("parsing_errors", ())]
    return count, failed, broken


def _line(found: Mapping[str, object]) -> str:
    return f"{found['file_path']}: {found['check_id']} {found['check_name']} ({found['resource']})"
