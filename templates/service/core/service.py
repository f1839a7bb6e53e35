"""Everything behind the routes, without a web framework: the model, its limits, its state and its metrics."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from time import perf_counter
from typing import Any

import orjson

from core import examples, model
from core.metrics import Metrics
from core.predictor import Predictor
from core.problems import InvalidRequestError, invalid
from core.settings import Settings

#: How long one request may keep all others waiting. A thread would spare them that, but costs 0.2 ms at the median and
#: up to 20 ms where threads contend for the interpreter: only what takes longer than this is worth one.
INLINE_SECONDS = 0.001
_FEWEST_BYTES, _MOST_BYTES, _TRIAL_ROWS = 2 * 1024, 64 * 1024, 100


@dataclass(frozen=True)
class Reply:
    """An HTTP status, the JSON that goes with it, and how many rows it answers."""

    status: int
    content: bytes
    rows: int = 0


class Service:
    """Answers /predict and says how it is.

    Raises ModelFolderError, OSError or ValueError when the model folder is not in order.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.model = model.load(settings.model_dir)
        self.examples = examples.read(settings.model_dir / "examples.json")
        self.predictor = Predictor(self.model, settings.max_rows)
        self.metrics = Metrics(self.model)
        #: Why the service is not ready: what is wrong with its answer to a golden example. Empty when it is ready.
        self.trouble = examples.verify(self.predictor, self.examples)
        #: Bodies up to this size are answered within INLINE_SECONDS.
        self.inline_bytes = _FEWEST_BYTES if self.trouble else self._measure()

    def answer(self, body: bytes, outputs: Iterable[str]) -> Reply:
        """Answer the body of a request; whatever is wrong with it is in the reply."""
        if self.trouble:
            return refuse(invalid((), self.trouble, "not_ready", status=503))
        try:
            answer = self.predictor.answer(body, outputs)
        except InvalidRequestError as error:
            return refuse(error)
        return Reply(200, answer.content, answer.rows)

    def _measure(self) -> int:
        """Return how many bytes are answered within INLINE_SECONDS, by answering a batch; this warms the model up."""
        rows = self.examples[0].features["features"] * min(_TRIAL_ROWS, self.settings.max_rows)
        body = json.dumps({"features": rows}).encode()
        seconds = []
        for _ in range(2):
            started = perf_counter()
            self.answer(body, ())
            seconds.append(perf_counter() - started)
        return max(_FEWEST_BYTES, min(_MOST_BYTES, int(len(body) * INLINE_SECONDS / min(seconds))))

    def info(self) -> dict[str, Any]:
        """Return what an operator asks: which model, which versions, which limits."""
        return {
            "model": self.model.signature.model,
            "task": self.model.signature.task,
            "model_sha256": self.model.model_digest,
            "signature_sha256": self.model.signature_digest,
            "outputs": list(self.model.outputs),
            "threads": self.model.runtime.threads,
            "limits": {"max_body_bytes": self.settings.max_body_bytes, "max_rows": self.settings.max_rows},
            "versions": {name: version(name) for name in ("fastapi", "uvicorn", *self.model.runtime.libraries)},
        }


def refuse(error: InvalidRequestError) -> Reply:
    """Return the reply that says what is wrong."""
    return Reply(error.status, orjson.dumps(error.to_json()))
