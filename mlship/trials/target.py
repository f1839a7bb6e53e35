"""The service that is measured: find out what it speaks, ask it for golden rows, and check what it answers."""

import http
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from mlship.client import Client, decoded, split
from mlship.errors import GateError, ServiceError
from mlship.golden import Golden
from mlship.parity import Tolerance, Verdict, compare
from mlship.replay import judged, sendable
from mlship.signature import Signature
from mlship.trials.dialects import Dialect, OpenInference, Predict, TensorMetadata, model_path
from mlship.trials.listening import process_at
from mlship.trials.rows import batches


@dataclass(frozen=True)
class Target:
    """A service at ``url`` (without a path of its own), and what it must answer.

    ``pid`` is the process, with all that it has started, whose memory and CPU time are measured; None: not known.
    ``own`` says that mlship has started it; ``headers`` go with each request, and into no report or message.
    """

    url: str
    golden: Golden
    signature: Signature
    tolerance: Tolerance
    pid: int | None = None
    dialect: Dialect = field(default_factory=Predict)
    own: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Payloads:
    """Bodies that take turns, and for each of them the numbers of the golden rows in it."""

    batches: Sequence[NDArray[np.int64]]
    bodies: Sequence[bytes]


def scaffolded(
    url: str,
    golden: Golden,
    signature: Signature,
    tolerance: Tolerance,
    pid: int | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Target:
    """Return the target for a service that mlship has scaffolded, and has started itself where ``pid`` is given."""
    predicts = any(output.name == "prediction" for output in signature.outputs)
    return Target(
        url, golden, signature, tolerance, pid, Predict(predicts), own=pid is not None, headers=dict(headers or {})
    )


def detect(
    url: str,
    golden: Golden,
    signature: Signature,
    tolerance: Tolerance,
    *,
    timeout: float = 10.0,
    headers: Mapping[str, str] | None = None,
) -> Target:
    """Ask the service at ``url`` what it speaks: POST /predict, else the Open Inference Protocol.

    ``url`` may lack the scheme (http), have a path prefix, and end in the route: /predict, /v2, or /v2/models/NAME,
    which also says which model is meant. ``headers`` go with each request, now and under load. Where the service runs
    on this machine its process is looked for.
    Raises ServiceError when it speaks neither, redirects, fails, or answers something else than JSON.
    """
    parts = split(url)
    if found := _V2.fullmatch(parts.path):
        base = f"{parts.scheme}://{parts.netloc}{found['prefix']}"
        with Client(base, timeout, headers) as client:
            name, version = (unquote(found[group] or "") for group in ("name", "version"))
            target = scaffolded(base, golden, signature, tolerance, headers=headers)
            return replace(target, dialect=_open_inference(client, name, version), pid=process_at(base))
    with Client(url, timeout, headers) as client:
        target = scaffolded(client.base, golden, signature, tolerance, headers=headers)
        path = target.dialect.full_path
        answer = client.request("POST", path, target.dialect.body(golden, signature, sendable(golden)[:1]))
        if answer[0] in _OTHER_ROUTE and client.request("GET", "/v2")[0] == http.HTTPStatus.OK:
            target = replace(target, dialect=_open_inference(client))
        else:
            client.decoded(path, *answer)
        return replace(target, pid=process_at(client.base))


def prove(target: Target, *, timeout: float = 10.0) -> Verdict:
    """Replay the golden set, in batches and one by one, and return the verdict, which has passed.

    Raises GateError when an answer is wrong, since its speed is worth nothing then; ServiceError when there is none.
    """
    with Client(target.url, timeout, target.headers) as client:
        verdict = judged(lambda rows: _asked(client, target, rows), target.golden, target.tolerance)
    if not verdict.passed:
        own = "if service/ has edits of yours, compare it with .mlship/scaffold/service"
        hint = "is this the service of this workspace?" if not target.own else own
        raise GateError(f"the service answers wrong: {verdict.sentence()}", hint)
    return verdict


def first_answer(golden: Golden, signature: Signature, tolerance: Tolerance) -> Callable[[str], None]:
    """Return what asks the service at an address for one golden row, and raises GateError where the answer is wrong."""
    row = sendable(golden)[:1]

    def ask(url: str) -> None:
        target = scaffolded(url, golden, signature, tolerance)
        with Client(url) as client:
            _compare(target, row, _asked(client, target, row), "the service's first answer is wrong")

    return ask


def payloads(target: Target, rows: int, seed: int) -> Payloads:
    """Return bodies of ``rows`` golden rows each, in random order, in what the target speaks."""
    drawn = batches(target.golden, rows, seed)
    return Payloads(drawn, [target.dialect.body(target.golden, target.signature, batch) for batch in drawn])


def check(target: Target, sent: Payloads, answers: Sequence[Sequence[bytes]]) -> None:
    """Compare each distinct answer, by the number of its body, with the golden set.

    Raises GateError with the first difference, ServiceError for an answer that is not of the protocol.
    """
    for batch, contents in zip(sent.batches, answers, strict=True):
        for content in contents:
            document = decoded(content, f"'{target.url}', under load,")
            outputs = target.dialect.outputs(document, target.signature, len(batch))
            _compare(target, batch, outputs, "the service answers wrong under load")


#: Statuses with which servers say that there is no such route, or not for POST.
_OTHER_ROUTE = frozenset({400, 404, 405})

_V2 = re.compile(
    r"(?P<prefix>.*?)/v2(?:/models(?:/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/infer|/ready)?)?)?/?"
)


def _asked(client: Client, target: Target, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    body = target.dialect.body(target.golden, target.signature, rows)
    document = client.ask("POST", target.dialect.full_path, body)
    return target.dialect.outputs(document, target.signature, len(rows))


def _compare(target: Target, rows: NDArray[np.int64], outputs: dict[str, NDArray[Any]], what: str) -> None:
    """Raise GateError where ``outputs`` are not those of the golden rows; some may be absent, but not all."""
    taken = target.golden.take(rows)
    expected = Golden(taken.inputs, {name: v for name, v in taken.outputs.items() if name in outputs}, taken.origins)
    verdict = compare(expected, outputs, target.tolerance)
    if not expected.outputs:
        raise GateError(f"{what}: it has none of {', '.join(taken.outputs)}", "mlship verify")
    if not verdict.passed:
        raise GateError(f"{what}: {verdict.sentence()}", "mlship verify")


def _open_inference(client: Client, name: str = "", version: str = "") -> OpenInference:
    model = name or _only_model(client)
    metadata = client.ask("GET", model_path(model, version))
    described = metadata.get("inputs", []) if isinstance(metadata, dict) else []
    try:
        inputs = tuple(TensorMetadata(each["name"], each["datatype"], tuple(each["shape"])) for each in described)
    except (KeyError, TypeError) as error:
        message = f"the metadata of '{model}' at '{client.base}' does not describe its inputs"
        raise ServiceError(message, "it must have name, datatype and shape of each, as Open Inference says") from error
    return OpenInference(model, version, inputs)


def _only_model(client: Client) -> str:
    """Find the only model of a server; the protocol itself has no list of them."""
    names = _listed_models(client)
    if len(names) == 1:
        return names[0]
    told = f"has {len(names)} models: {', '.join(names[:10])}" if names else "does not tell its models"
    example = names[0] if names else "NAME"
    raise ServiceError(f"'{client.base}' {told}", f"give the model's address: {client.base}{model_path(example)}")


def _listed_models(client: Client) -> list[str]:
    """Return the names of the models, as KServe lists them, or the repository extension, or the server's own name."""
    for method, path in (("GET", "/v2/models"), ("POST", "/v2/repository/index")):
        status, headers, content = client.request(method, path, b"{}" if method == "POST" else None)
        if status == http.HTTPStatus.OK:
            return _names(client.decoded(path, status, headers, content))
    own = _names([client.ask("GET", "/v2")])
    return [name for name in own if client.request("GET", model_path(name))[0] == http.HTTPStatus.OK]


def _names(listed: Any) -> list[str]:
    """Take the names out of ["a"], {"models": ["a"]}, or [{"name": "a"}]."""
    items = listed.get("models", []) if isinstance(listed, dict) else listed
    named = [item.get("name") if isinstance(item, dict) else item for item in items if isinstance(items, list)]
    return sorted({name for name in named if isinstance(name, str)})
