"""The gates of an image: the most that it may weigh, take to start, and hold in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlship import formats
from mlship.errors import GateError, UsageError
from mlship.verdicts.expressions import parse


@dataclass(frozen=True)
class _Gate:
    """``fact`` is what is judged, ``metric`` has the same unit in the language of gates, ``write`` writes a figure."""

    option: str
    fact: str
    told: str
    metric: str
    write: Callable[[float], str]


_SIZE = _Gate("--max-size", "size", "size", "size", formats.size)
_COLD_START = _Gate("--max-cold-start", "cold_start_seconds", "cold start", "cold_start", formats.seconds)
_RSS = _Gate("--max-rss", "rss_bytes", "memory after the golden set", "rss", formats.size)


def check(
    facts: Mapping[str, Any], max_size: str | None = None, max_cold_start: str | None = None, max_rss: str | None = None
) -> GateError | None:
    """Return one error that names every gate that ``facts`` of a build do not meet, or None where all are met.

    Sizes are those that ``docker images`` shows, in powers of ten where the unit is. What was not measured does not
    meet its gate. Raises UsageError for a limit that is none.
    """
    given = ((_SIZE, max_size), (_COLD_START, max_cold_start), (_RSS, max_rss))
    unmet = [sentence for gate, text in given if text is not None for sentence in _judge(gate, text, facts)]
    if not unmet:
        return None
    return GateError(
        f"the image does not meet its gates: {'; '.join(unmet)}", "image.json there says all that was measured"
    )


def check_size(text: str) -> str:
    """Return ``text`` where it is a size such as "150MB"; raises UsageError where it is not."""
    _limit(_SIZE, text)
    return text


def check_time(text: str) -> str:
    """Return ``text`` where it is a time such as "800ms"; raises UsageError where it is not."""
    _limit(_COLD_START, text)
    return text


def _judge(gate: _Gate, text: str, facts: Mapping[str, Any]) -> list[str]:
    limit, value = _limit(gate, text), facts.get(gate.fact)
    if value is None:
        return [f"{gate.told} was not measured, {gate.option} {text}"]
    if value <= limit:
        return []
    return [f"{gate.told} is {_beyond(gate, float(value), limit)}, {gate.option} {text}"]


def _beyond(gate: _Gate, value: float, limit: float) -> str:
    """Write ``value`` with as many digits as it takes to tell it from ``limit``."""
    short = gate.write(value)
    return short if short != gate.write(limit) else f"{value:,.9g} {'s' if gate is _COLD_START else 'bytes'}"


def _limit(gate: _Gate, text: str) -> float:
    """Read a limit in seconds or bytes."""
    kind, example = ("time", "800ms or 2s") if gate is _COLD_START else ("size", "150MB, 1.5GB or 512MiB")
    problem = UsageError(f"'{text}' is not a {kind}", f"a number and its unit, such as {example}")
    try:
        found = parse(f"{gate.metric} > {text}")
    except UsageError as error:
        raise problem from error
    if found.relative or not found.limit > 0:
        raise problem
    return found.limit
