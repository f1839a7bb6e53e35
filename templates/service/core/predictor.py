"""From the bytes of a request to the bytes of an answer: decode, run, encode.

The three steps are separate so that the rows of several requests can be joined into one run.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from core.decode import Decoder
from core.encode import Encoder
from core.model import Model
from core.problems import InvalidRequestError, Problem


@dataclass(frozen=True)
class Answer:
    """The JSON of an answer, and how many rows it answers."""

    content: bytes
    rows: int


class Predictor:
    """Answers requests with one model."""

    def __init__(self, model: Model, max_rows: int) -> None:
        self.model = model
        self.decoder = Decoder(model.signature, model.runtime.dtypes, max_rows)
        self.encoder = Encoder(model.signature.outputs)
        self._always = "prediction" if "prediction" in model.outputs else model.outputs[0]

    def answer(self, body: bytes, outputs: Iterable[str] = ()) -> Answer:
        """Answer the rows in ``body``; ``outputs`` as in ``choose``. Raises InvalidRequestError."""
        chosen = self.choose(outputs)
        rows = self.decoder.decode(body)
        return Answer(self.encoder.encode(self.model.runtime.run(rows.feed, chosen)), rows.count)

    def choose(self, outputs: Iterable[str]) -> tuple[str, ...]:
        """Return the outputs to compute: the prediction, and what comma-separated names, or "all", add to it.

        A transformer predicts nothing: there it is the first output.

        Raises InvalidRequestError for a name that the model does not have.
        """
        known = self.model.outputs
        wanted = {name.strip() for names in outputs for name in names.split(",")} - {""}
        problems = [
            Problem(
                ("query", "outputs"), f"there is no output '{name[:60]}'; there is: all, {', '.join(known)}", "enum"
            )
            for name in sorted(wanted - {"all", *known})
        ]
        if problems:
            raise InvalidRequestError(problems[:1])
        return tuple(name for name in known if name in wanted or name == self._always or "all" in wanted)
