"""From the bytes of requests to the bytes of answers: decode, run, encode; several requests in one run.

What a request gets does not depend on those that it shares a run with, but for the last digit where the model itself
computes many rows otherwise than one: one that is wrong fails alone.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from core.bodies.decode import Decoder, Rows, joined
from core.bodies.encode import Encoder
from core.http import JSON, NONE, Reply
from core.problems import InvalidRequestError, Problem, invalid
from core.runtime.model import Model
from core.settings import Settings

_logger = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """Rows of one request, in any protocol: ``encode`` makes its answer of the arrays of ``outputs``, by name."""

    rows: Rows
    outputs: tuple[str, ...]
    encode: Callable[[Arrays], T]


class Predictor:
    """Answers requests with one model; ``usual`` are the outputs where a request names none."""

    def __init__(self, model: Model, settings: Settings) -> None:
        self.model = model
        self.decoder = Decoder(model.signature, model.runtime.dtypes, settings.max_rows, ranges=settings.check_ranges)
        self.encoder = Encoder(model.signature.outputs)
        self._always = "prediction" if "prediction" in model.outputs else model.outputs[0]
        self._batch_rows = settings.batch_rows
        self.usual = self.choose(())
        #: Is told of each run how many requests it answered, and how many rows.
        self.ran: Callable[[int, int], object] = lambda requests, rows: None

    def answer(self, body: bytes, outputs: Iterable[str] = ()) -> Reply:
        """Answer the rows in ``body``; ``outputs`` as in ``choose``. Raises InvalidRequestError."""
        [answer] = self.answers([body], self.choose(outputs))
        if isinstance(answer, InvalidRequestError):
            raise answer
        return answer

    def answers(self, bodies: Sequence[bytes], outputs: tuple[str, ...]) -> list[Reply | InvalidRequestError]:
        """Answer the bodies of several POST /predict, each by its answer or by what is wrong with it.

        ``outputs`` are what ``choose`` returned.
        """
        if len(bodies) == 1:
            return [self._alone(bodies[0], outputs)]
        rows, counts, refused = self.decoder.decode_all(bodies)
        answers: list[Reply | InvalidRequestError] = []
        for part, result in self._runs(rows, counts, outputs):
            if isinstance(result, InvalidRequestError):
                answers.append(result)
            else:
                contents = self.encoder.encode_each(result, part)
                answers += [
                    Reply(200, content, JSON, NONE, count) for content, count in zip(contents, part, strict=True)
                ]
        for position, error in refused.items():
            answers.insert(position, error)
        return answers

    def _alone(self, body: bytes, outputs: tuple[str, ...]) -> Reply | InvalidRequestError:
        try:
            rows = self.decoder.decode(body)
            arrays = self.model.runtime.run(rows.feed, outputs)
        except InvalidRequestError as error:
            return error
        self.ran(1, rows.count)
        return Reply(200, self.encoder.encode(arrays), rows=rows.count)

    def run(self, works: Sequence[Work[T]]) -> list[T | InvalidRequestError]:
        """Answer what other protocols decoded, each by its answer or by what is wrong with it."""
        answers: dict[int, T | InvalidRequestError] = {}
        for outputs in dict.fromkeys(work.outputs for work in works):
            mine = [position for position, work in enumerate(works) if work.outputs == outputs]
            rows = joined([works[position].rows for position in mine])
            positions = iter(mine)
            for part, result in self._runs(rows, [works[position].rows.count for position in mine], outputs):
                for arrays in _split(result, part):
                    position = next(positions)
                    refused = isinstance(arrays, InvalidRequestError)
                    answers[position] = arrays if refused else _encoded(works[position], arrays)
        return [answers[position] for position in range(len(works))]

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

    def _runs(
        self, rows: Rows, counts: Sequence[int], outputs: tuple[str, ...]
    ) -> Iterator[tuple[Sequence[int], Arrays | InvalidRequestError]]:
        """Run the rows of requests that have ``counts`` of them, together as far as that goes.

        Yields, in order, the counts of requests that were answered together, with their arrays; or of one, with what is
        wrong with it. More than BATCH_ROWS, and what the model refuses, is tried again in halves.
        """
        if not counts:
            return
        if len(counts) == 1 or rows.count <= self._batch_rows:
            try:
                # Some models write into what they are given, which is used again should they refuse it.
                feed = rows.feed if len(counts) == 1 else {name: array.copy() for name, array in rows.feed.items()}
                result: Arrays | InvalidRequestError = self.model.runtime.run(feed, outputs)
            except InvalidRequestError as error:
                result = error
            if len(counts) == 1 or not isinstance(result, InvalidRequestError):
                self.ran(len(counts), rows.count)
                yield counts, result
                return
        half = len(counts) // 2
        first, second = rows.cut(sum(counts[:half]))
        yield from self._runs(first, counts[:half], outputs)
        yield from self._runs(second, counts[half:], outputs)


def _encoded(work: Work[Any], arrays: Arrays) -> Any:
    try:
        return work.encode(arrays)
    except (TypeError, ValueError):  # a mistake in the code: the others that share the run are not to pay for it
        _logger.exception("an answer cannot be written")
        return invalid((), "the service failed to answer", "internal", status=500)


def _split(result: Arrays | InvalidRequestError, counts: Sequence[int]) -> Iterator[Any]:
    if isinstance(result, InvalidRequestError):
        yield result
        return
    for start, end in pairwise(accumulate(counts, initial=0)):
        yield {name: array[start:end] for name, array in result.items()}
