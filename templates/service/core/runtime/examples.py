"""Golden examples: requests with the answers that the original model gave, recorded before it was converted.

``examples.json`` is {"examples": [{"name", "features": body, "records": body, "answer": body}, ...]}.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.predictor import Predictor
from core.problems import InvalidRequestError
from core.runtime.model import ModelFolderError

# Far wider than the parity that the model was converted with: this finds a wrong file or a broken runtime.
_RELATIVE, _ABSOLUTE = 1e-4, 1e-6


@dataclass(frozen=True)
class Example:
    """One request, as lists and as records, and the answer with all outputs."""

    name: str
    features: dict[str, Any]
    records: dict[str, Any]
    answer: dict[str, Any]


def read(path: Path) -> tuple[Example, ...]:
    """Read ``examples.json``; raises ModelFolderError when it is not there or damaged."""
    try:
        return tuple(Example(**example) for example in json.loads(path.read_bytes())["examples"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"'{path}' has no examples: {error!r}") from error


def verify(predictor: Predictor, examples: Sequence[Example]) -> str:
    """Answer the first example and return what is wrong with it, or "" when it is right."""
    if not examples:
        return "there is no golden example to answer"
    try:
        answer = predictor.answer(json.dumps(examples[0].features).encode(), ["all"])
    except InvalidRequestError as error:
        return f"the golden example is refused: {error.problems[0].msg}"
    actual = json.loads(answer.content)
    wrong = [name for name, expected in examples[0].answer.items() if not agrees(expected, actual.get(name))]
    return f"the golden example is answered wrongly: {', '.join(wrong)}" if wrong else ""


def agrees(expected: Any, actual: Any, scale: float = 0.0) -> bool:
    """Compare JSON values: numbers with a tolerance relative to the largest of their list, all else exactly."""
    if isinstance(expected, list) and isinstance(actual, list):
        largest = max((abs(item) for item in expected if isinstance(item, float)), default=0.0)
        pairs = zip(expected, actual, strict=False)
        return len(expected) == len(actual) and all(agrees(*pair, scale=largest) for pair in pairs)
    if isinstance(expected, float) and isinstance(actual, float | int) and not isinstance(actual, bool):
        return abs(expected - actual) <= _ABSOLUTE + _RELATIVE * max(scale, abs(expected))
    return type(expected) is type(actual) and bool(expected == actual)
