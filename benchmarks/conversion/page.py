"""Writes docs/coverage.md, which says what converts and how exactly; the tests hold the code against that page.

Run it with ``python -m benchmarks.conversion.page`` when something more converts.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path

from benchmarks.conversion import boosters, estimators, pipelines
from benchmarks.conversion.holdout import Finding

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"

_HEAD = """# What converts, and how exactly

Written by `python -m benchmarks.conversion.page`; the tests in tests/coverage hold the code against it.

Each model is trained, converted as `mlship convert` does it, and then asked about rows that the conversion was not
checked on. **double**: labels equal, numbers within 1e-9 relative. **single**: labels equal, numbers within 1e-4,
because the original itself computes in float32. **noisy**: as equal as the original is to itself, whose numbers differ
from batch to batch by more than that. **refused**: mlship says why and writes nothing. A dash: the estimator does not
fit that data set.
"""


def main() -> None:
    """Write the page."""
    warnings.simplefilter("ignore")
    parts = [_HEAD, _estimators(), _pipelines(), _boosters()]
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def stated(section: str) -> dict[str, str]:
    """Return what the page says: by the name in the first column of ``section`` the first grade of its row."""
    lines = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0].split("\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: next((cell for cell in row[1:] if cell != "-"), "-") for row in rows[2:]}


def _estimators() -> str:
    found = dict(estimators.findings())
    sets = [*estimators.SETS, "descriptions"]
    lines = ["## Estimators of scikit-learn", "", *_table(["estimator", *sets])]
    for name, findings in found.items():
        grades = {finding.name.partition(" on ")[2]: finding.grade for finding in findings}
        lines.append(_row([name, *(grades.get(data, "-") for data in sets)]))
    return "\n".join(lines) + "\n" + _reasons(finding for findings in found.values() for finding in findings)


def _pipelines() -> str:
    found = list(pipelines.findings())
    lines = ["## Pipelines", "", *_table(["pipeline", "grade"])]
    lines += [_row([finding.name, finding.grade]) for finding in found]
    return "\n".join(lines) + "\n" + _reasons(found)


def _boosters() -> str:
    found = [boosters.examined(name) for name in boosters.names()]
    lines = ["## Boosting libraries", "", *_table(["model", "grade", "largest relative difference"])]
    lines += [_row([item.name, item.grade, _figure(item)]) for item in found]
    return "\n".join(lines) + "\n" + _reasons(found)


def _figure(finding: Finding) -> str:
    if finding.grade not in ("double", "single"):
        return "-"
    return next(f"under {step:g}" for step in (1e-15, 1e-12, 1e-9, 1e-7, 1e-6, 1e-4) if finding.relative < step)


def _reasons(findings: Iterable[Finding]) -> str:
    reasons: dict[str, str] = {}
    for finding in findings:
        if finding.why:
            reasons.setdefault(finding.why.replace("|", "/"), finding.name)
    lines = [f"- {name}: {why}" for why, name in reasons.items()]
    return "\nWhy not:\n\n" + "\n".join(lines) + "\n" if lines else ""


def _table(heads: list[str]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads))]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
