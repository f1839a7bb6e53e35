"""The language of gates: METRIC[@WHERE] OP LIMIT names what fails, as in ``p99@c64 > +10%`` or ``rss > 200MB``.

A limit with a sign and % is a change against a baseline; any other is absolute, in a unit of the metric. WHERE is the
name of a load, of what was measured, or of both (``p50@converted/1 row``).
"""

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlship.errors import UsageError
from mlship.plugins import nearest
from mlship.reports.metrics import FACTS, METRICS, Metric, Unit

Operator = Literal[">", "<", ">=", "<="]

_SHAPE = re.compile(
    r"\s*(?P<metric>[^@<>=≤≥!]*?)\s*(?:@\s*(?P<where>[^<>=≤≥!]*?)\s*)?(?P<operator>[<>=≤≥!]+)\s*(?P<limit>.*?)\s*"
)
_LIMIT = re.compile(r"(?P<sign>[+-]?)\s*(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>[^\d\s.].*)?")
_OPERATORS: Mapping[str, Operator] = {">": ">", "<": "<", ">=": ">=", "<=": "<=", "≥": ">=", "≤": "<="}
_COMPARE = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
_TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_UNITS: Mapping[Unit, Mapping[str, float]] = {
    "s": {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0},
    "B": {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
    "1/s": {"": 1.0, "/s": 1.0},
    "share": {"": 1.0, "%": 0.01},
    "score": {"": 1.0, "%": 0.01},
    "money": {"": 1.0},
}
_SUCH = {"s": "20ms", "B": "200MB"}


@dataclass(frozen=True)
class Gate:
    """What must not be: ``limit`` in the metric's own unit, or a change as a share where ``relative``."""

    expression: str
    metric: Metric
    where: str
    operator: Operator
    limit: float
    relative: bool

    def beyond(self, value: float) -> bool:
        """Say whether ``value`` is what the gate forbids."""
        return bool(_COMPARE[self.operator](value, self.limit))


def parse(expression: str) -> Gate:
    """Read one gate; raises UsageError, with what was probably meant, for anything that is not one."""
    found = _SHAPE.fullmatch(expression.replace("\N{MINUS SIGN}", "-"))
    if found is None or found["operator"] not in _OPERATORS or not found["metric"]:
        raise UsageError(f"'{expression}' is not a gate", "METRIC[@LOAD] > LIMIT, such as 'p99@c64 > 20ms'")
    metric = METRICS.get(found["metric"])
    if metric is None:
        raise UsageError(
            f"'{expression}': there is no metric '{found['metric']}'", nearest(found["metric"], [*METRICS])
        )
    if found["where"] == "":
        raise UsageError(f"'{expression}': nothing stands after the @", f"such as '{metric.name}@c64 > ...'")
    limit, relative = _limit(expression, found["limit"], metric)
    gate = Gate(
        " ".join(expression.split()), metric, found["where"] or "", _OPERATORS[found["operator"]], limit, relative
    )
    _require_direction(gate, found["limit"])
    return gate


def parse_all(expressions: Sequence[str], *, compared: bool) -> tuple[Gate, ...]:
    """Read gates; ``compared`` says whether there is a baseline, or another model to compare with.

    Raises UsageError for one that is not a gate, that is relative to a baseline that is not there, or that is a change
    of what is only a fact of one run.
    """
    gates = tuple(map(parse, expressions))
    fact = next((gate for gate in gates if gate.relative and gate.metric.name in FACTS), None)
    if fact is not None:
        name, hint = fact.metric.name, "give a limit of its own, or take p99.9" if fact.metric.unit == "s" else ""
        raise UsageError(
            f"'{fact.expression}': {name} of one run against another's tells nothing",
            hint or "give a limit of its own: 0.1%",
        )
    lonely = next((gate for gate in gates if gate.relative and not compared), None)
    if lonely is not None:
        raise UsageError(
            f"'{lonely.expression}' is a change, and there is nothing to compare with",
            "give --baseline report.json or --against FOLDER",
        )
    return gates


def _limit(expression: str, text: str, metric: Metric) -> tuple[float, bool]:
    """Return the limit, and whether it is a change."""
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise UsageError(f"'{expression}': '{text}' is not a limit", _limits(metric))
    sign, number, unit = -1.0 if found["sign"] == "-" else 1.0, float(found["number"]), found["unit"] or ""
    if found["sign"] and unit == "%":
        return sign * number / 100, True
    if found["sign"] and metric.unit != "score":
        raise UsageError(f"'{expression}': only a change in % has a sign", _limits(metric))
    factors = _UNITS[metric.unit]
    if unit in factors:
        return sign * number * factors[unit], False
    if unit == "%":
        raise UsageError(f"'{expression}': a change needs its sign", f"'+{text}' or '-{text}'")
    raise UsageError(f"'{expression}': {_unit_problem(unit, metric)}", _unit_hint(text, unit, factors, metric))


def _unit_problem(unit: str, metric: Metric) -> str:
    kind = {"s": "a time", "B": "a size in bytes"}.get(metric.unit, "a plain number")
    return f"{metric.name} is {kind}" + (f", and '{unit}' is no unit of it" if unit else ": its unit is missing")


def _unit_hint(text: str, unit: str, factors: Mapping[str, float], metric: Metric) -> str:
    alike = [known for known in factors if known.casefold() == unit.casefold() and unit]
    if len(alike) == 1:
        return f"did you mean '{alike[0]}'?"
    named = [known for known in factors if known]
    if not unit:
        return "one of " + ", ".join(f"'{text}{known}'" for known in named if known in {"ms", "s", "MB", "GB"})
    return f"units are: {', '.join(named)}" if named else _limits(metric)


def _limits(metric: Metric) -> str:
    absolute = _SUCH.get(metric.unit, "5000" if metric.unit == "1/s" else "0.1")
    return f"such as {absolute}, or +10% against a baseline"


def _require_direction(gate: Gate, limit: str) -> None:
    """Refuse a gate that fires where things are good: it names what fails."""
    bad = ">" if gate.metric.better == "lower" else "<"
    if gate.operator[0] == bad:
        return
    where, turned = f"@{gate.where}" if gate.where else "", _TURNED[gate.operator]
    if gate.relative and abs(gate.limit):
        limit = f"{'-' if bad == '<' else '+'}{limit.lstrip('+- ')}"
    name = gate.metric.name
    raise UsageError(
        f"'{gate.expression}' would fail where {name} is good: it is better {gate.metric.better}",
        f"a gate names what fails; did you mean '{name}{where} {turned} {limit}'?",
    )
