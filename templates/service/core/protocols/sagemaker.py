"""What SageMaker asks of a container: GET /ping and POST /invocations.

Source: Amazon SageMaker Developer Guide, "Use Your Own Inference Code with Hosting Services" (the two routes),
"Common Data Formats for Inference" (``instances``; CSV without a header), "Linear Learner Response Formats"
(``predictions`` with ``score`` and ``predicted_label``).
"""

from typing import TYPE_CHECKING, Any

import orjson

from core.bodies import csv as csv_body
from core.bodies.answers import CSV, columns, listed, media_type
from core.bodies.columns import placed
from core.bodies.decode import Rows
from core.bodies.media import csv_header
from core.bodies.parse import RepeatedKeys, parse_exactly, parse_fast
from core.http import JSON, Call, Reply, Route
from core.predictor import Arrays, Work
from core.problems import MOST_PROBLEMS, InvalidRequestError, Problem
from core.protocols import describe_sagemaker
from core.protocols.predict import JSON_TYPES

if TYPE_CHECKING:
    from core.service import Service

_FORM = "instances"
#: What the prediction is called, by task; that of other tasks keeps its name.
_NAMES = {"classifier": "predicted_label", "regressor": "score"}


def routes(service: "Service") -> list[Route]:
    """Return the routes of ``service``."""

    def ping(_: Call) -> Reply:
        state = service.state()
        return Reply(200 if state == "ok" else 503, orjson.dumps({"status": state}))

    invocations = Invocations(service)
    operation = describe_sagemaker.invocations(service, invocations.names)
    return [
        Route("GET", "/ping", ping, describe_sagemaker.PING, open=True),
        Route("POST", "/invocations", invocations.answer, operation, (*JSON_TYPES, CSV)),
    ]


class Invocations:
    """Answers POST /invocations: the prediction and, of a classifier, the probabilities.

    ``names`` are what the outputs are called in its JSON.
    """

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._predictor = service.predictor
        signature = service.model.signature
        prediction = service.predictor.usual[0]
        self.names = {prediction: _NAMES.get(signature.task, prediction)}
        if signature.task == "classifier" and "probabilities" in service.model.outputs:
            self.names["probabilities"] = "score"

    def answer(self, call: Call) -> Reply:
        """Answer one request; raises InvalidRequestError."""
        self._service.require_ready()
        csv_wanted = media_type(call.head.headers, (JSON, CSV)) == CSV
        rows = self._csv(call) if call.head.media_type == CSV else self._json(call.body)
        outputs = self._predictor.usual if csv_wanted else tuple(self.names)
        [answer] = self._predictor.run([Work(rows, outputs, self._lines if csv_wanted else self._predictions)])
        if isinstance(answer, InvalidRequestError):
            raise answer
        return Reply(200, answer, f"{CSV}; charset=utf-8" if csv_wanted else JSON, rows=rows.count)

    def _csv(self, call: Call) -> Rows:
        header = csv_header(call.head, default="absent")
        columns, limit = self._service.model.signature.columns, self._service.settings.max_rows
        return self._predictor.decoder.from_columns(csv_body.FORM, csv_body.columns(call.body, columns, limit, header))

    def _json(self, body: bytes) -> Rows:
        decoder = self._predictor.decoder
        if plain := _plain_rows(body):
            with placed(_FORM):
                return decoder.decode(plain)
        document = parse_exactly(body)
        if not isinstance(document, dict) or _FORM not in document:
            return decoder.decode(body)
        rows = _unwrapped(document)
        with placed(_FORM):
            return decoder.parsed(rows)

    def _lines(self, arrays: Arrays) -> bytes:
        """Return CSV as SageMaker's own algorithms write it: no header."""
        values = self._predictor.encoder.values(arrays)
        return csv_body.write(columns(values, {}), header=False)

    def _predictions(self, arrays: Arrays) -> bytes:
        """Return {"predictions": [{"predicted_label": ..., "score": ...}, ...]}: one object a row.

        The score of two classes is the probability of the second.
        """
        values = self._predictor.encoder.values(arrays)
        if "probabilities" in values and values["probabilities"].shape[1:] == (2,):
            values["probabilities"] = values["probabilities"][:, 1]
        names = [self.names[name] for name in values]
        rows = zip(*map(listed, values.values()), strict=True)
        document = {"predictions": [dict(zip(names, row, strict=True)) for row in rows]}
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _plain_rows(body: bytes) -> bytes:
    """Return {"instances": [[...]]} and [{"features": [...]}] as POST /predict takes them, b"" for all else."""
    try:
        document = parse_fast(body)
    except ValueError:
        return b""
    if type(document) is not dict or list(document) != [_FORM] or type(document[_FORM]) is not list:
        return b""
    rows = list(map(_row, document[_FORM]))
    # Every key has a colon, and the fast parser forgets repeated keys: with none to spare there is none.
    keys = 1 + sum(type(row) is dict for row in document[_FORM])
    if set(map(type, rows)) != {list} or body.count(b":") != keys:
        return b""
    return orjson.dumps({"features": rows})


def _unwrapped(document: dict[str, Any]) -> dict[str, Any]:
    """Return {"instances": [...]} as {"features": [...]} or {"records": [...]}, which the first instance decides."""
    instances = document[_FORM]
    rows = list(map(_row, instances)) if isinstance(instances, list) else instances
    form = "records" if isinstance(rows, list) and rows and isinstance(rows[0], dict) else "features"
    problems = [
        Problem(("body", name), "there is no such field", "extra_forbidden") for name in document if name != _FORM
    ]
    if isinstance(document, RepeatedKeys):
        problems += [
            Problem(("body", name), "this field is given more than once", "duplicate") for name in document.names
        ]
    if problems:
        raise InvalidRequestError(problems[:MOST_PROBLEMS])
    return {form: rows}


def _row(instance: Any) -> Any:
    """Return what is in {"features": [...]} and in {"data": {"features": {"values": [...]}}}, all else as it is."""
    for path in (("features",), ("data", "features", "values")):
        inner = instance
        for name in path:
            inner = inner[name] if type(inner) is dict and list(inner) == [name] else None
        if type(inner) is list:
            return inner
    return instance
