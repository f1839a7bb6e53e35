"""Replay golden rows against a running service over HTTP, and judge its answers."""

import dataclasses
import http.client
import json
import math
import ssl
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn, Self
from urllib.parse import SplitResult, urljoin, urlsplit

import numpy as np
from numpy.typing import NDArray

from mlship.errors import ServiceError
from mlship.golden import Golden
from mlship.parity import DOUBLE, Tolerance, Verdict, compare
from mlship.signature import MISSING_STRING, Column, Output, Signature

#: Rows in one request, and how many rows are sent once more on their own.
BATCH, SINGLES = 100, 16

_LARGEST_ANSWER = 1 << 28
_EXACT_INTEGERS = 2**53


def replay(
    url: str, golden: Golden, signature: Signature, tolerance: Tolerance = DOUBLE, *, timeout: float = 10.0
) -> Verdict:
    """POST golden rows to ``url``/predict, in batches and one by one, and compare the answers with the original's.

    Rows that hold infinite values are left out, because JSON cannot carry them; row numbers in the verdict are those of
    ``golden``. ``timeout`` is in seconds and holds for each request.
    Raises ServiceError when the service does not answer as the contract says; a wrong answer is a failed verdict.
    """
    rows = sendable(golden)
    if not len(rows):
        problem = "no golden row can be sent as JSON"
        allowed = tolerance.relative
        return Verdict(passed=False, rows=0, rows_off=0, labels_off=0, largest=0.0, allowed=allowed, problem=problem)
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    spread = rows[np.unique(np.linspace(0, len(rows) - 1, num=min(SINGLES, len(rows)), dtype=np.int64))]
    with Client(url, timeout) as client:
        verdict = _ask(client, golden, signature, batches, tolerance)
        if not verdict.passed:
            return verdict
        one_by_one = _ask(client, golden, signature, [np.array([row]) for row in spread], tolerance)
    return verdict if one_by_one.passed else one_by_one


def sendable(golden: Golden) -> NDArray[np.int64]:
    """Return the row numbers that JSON can carry: those without infinite values in inputs and outputs."""
    fine = np.ones(len(golden), dtype=bool)
    for values in [*golden.inputs.values(), *golden.outputs.values()]:
        if values.dtype.kind == "f":
            fine &= ~np.isinf(values.reshape(len(golden), -1)).any(axis=1)
    return np.flatnonzero(fine)


def left_out(golden: Golden) -> str:
    """Say, to follow a verdict's sentence, how many rows are not sent: "" where all are."""
    count = len(golden) - len(sendable(golden))
    return f" ({count:,} {'row' if count == 1 else 'rows'} with infinite values cannot be sent as JSON)" * bool(count)


def payload(golden: Golden, signature: Signature, rows: Sequence[int] | NDArray[Any]) -> dict[str, Any]:
    """Build the request body {"features": [[...], ...]} of the given row numbers, columns in the signature's order."""
    columns = [_values(golden, column, rows) for column in signature.columns]
    return {"features": [list(row) for row in zip(*columns, strict=True)]}


def arrays(document: Any, signature: Signature, rows: int) -> dict[str, NDArray[Any]]:
    """Rebuild output arrays from an answer: {"prediction": [...], ...} of ``rows`` rows; absent ones stay absent.

    Numbers become float64 (null: NaN), integers and booleans int64, strings object (null: ``MISSING_STRING``).
    Raises ServiceError when a value is not of the type, or a list not of the shape, that the signature tells.
    """
    if not isinstance(document, dict):
        raise ServiceError(f"the service answered {_quote(document)} instead of an object", _CONTRACT)
    return {output.name: _array(document, output, rows) for output in signature.outputs if output.name in document}


class Client:
    """One keep-alive connection to a service; ``url`` may lack the scheme and may have a path prefix.

    ``timeout`` bounds each request in seconds. Raises ServiceError for a URL that cannot be used.
    """

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        parts = _split(url)
        self.base = f"{parts.scheme}://{parts.netloc}{_prefix(parts)}"
        self.timeout = timeout
        self._prefix = _prefix(parts)
        self._used = False
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def predict(self, body: Mapping[str, Any]) -> Any:
        """POST ``body`` to /predict?outputs=all and return the decoded answer.

        Raises ServiceError when nothing answers in time, the status is not 200, or the answer is not JSON.
        """
        status, headers, content = self.post("/predict?outputs=all", json.dumps(body, allow_nan=False).encode())
        if status != http.HTTPStatus.OK:
            _refuse(self.base, status, headers.get("Location"), content)
        try:
            return json.loads(content, parse_constant=_not_json)
        except ValueError as error:
            raise ServiceError(f"'{self.base}' answered {_quote(content)}, which is not JSON", _CONTRACT) from error

    def post(self, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """POST a JSON body to ``path`` below the URL; return status, headers and content.

        A connection that the server closed since the last request is opened once more.
        Raises ServiceError when nothing answers in time.
        """
        again = self._used
        try:
            return self._exchange(path, body)
        except (ConnectionError, http.client.BadStatusLine) as error:
            self._connection.close()
            if not again:
                raise self._silent(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        self._used = False
        return self.post(path, body)

    def _exchange(self, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        deadline = time.monotonic() + self.timeout
        self._connection.request("POST", self._prefix + path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        parts = bytearray()
        while chunk := response.read1(1 << 16):  # the socket's time-out holds for each read, not for the whole answer
            parts += chunk
            if time.monotonic() > deadline:
                raise TimeoutError
            if len(parts) > _LARGEST_ANSWER:
                raise http.client.HTTPException(f"the answer is larger than {_LARGEST_ANSWER >> 20} MiB")
        if response.length:  # read1 takes an answer that breaks off for a whole one
            raise http.client.IncompleteRead(bytes(parts), response.length)
        response.close()
        self._used = True
        return response.status, dict(response.headers.items()), bytes(parts)

    def _silent(self, error: Exception) -> ServiceError:
        self._connection.close()
        if isinstance(error, TimeoutError):
            message = f"'{self.base}' did not answer within {self.timeout:g} s"
            return ServiceError(message, "see the service's own log, or give it a smaller model")
        if isinstance(error, ConnectionRefusedError):
            return ServiceError(f"nothing listens at '{self.base}': connection refused", _START)
        if isinstance(error, ssl.SSLError):
            return ServiceError(f"no TLS connection to '{self.base}': {error}", f"is it http:{self.base[6:]} ?")
        if isinstance(error, ConnectionError | http.client.IncompleteRead):
            return ServiceError(f"'{self.base}' dropped the connection without an answer", "see the service's own log")
        if isinstance(error, http.client.HTTPException):
            return ServiceError(
                f"'{self.base}' does not speak HTTP: {str(error)[:100] or type(error).__name__}", _CHECK_URL
            )
        return ServiceError(f"'{self.base}' cannot be asked: {error or type(error).__name__}", _CHECK_URL)


_CONTRACT = 'the service must answer POST /predict with {"prediction": [...]}, as mlship scaffold makes it'
_START = "start the service first: mlship serve"
_CHECK_URL = "give the address without /predict, such as http://127.0.0.1:8000"


def _ask(
    client: Client, golden: Golden, signature: Signature, batches: Sequence[NDArray[Any]], tolerance: Tolerance
) -> Verdict:
    answers = [arrays(client.predict(payload(golden, signature, rows)), signature, len(rows)) for rows in batches]
    rows = np.concatenate(batches)
    names = [name for name in answers[0] if all(name in answer for answer in answers)]
    together = {name: np.concatenate([answer[name] for answer in answers]) for name in names}
    verdict = compare(golden.take(rows), together, tolerance)
    if verdict.first is None:
        return verdict
    return dataclasses.replace(verdict, first=dataclasses.replace(verdict.first, row=int(rows[verdict.first.row])))


def _values(golden: Golden, column: Column, rows: Sequence[int] | NDArray[Any]) -> list[Any]:
    values = golden.inputs[column.tensor][np.asarray(rows), column.index]
    return [_value(value, column) for value in values.tolist()]


def _value(value: Any, column: Column) -> Any:
    if isinstance(value, str):
        return None if value == MISSING_STRING else value
    if math.isnan(value):
        return None
    if column.type == "boolean" and value in (0, 1):
        return bool(value)
    whole = column.type == "integer" and value == int(value) and abs(value) < _EXACT_INTEGERS
    return int(value) if whole else value


def _array(document: Mapping[str, Any], output: Output, rows: int) -> NDArray[Any]:
    values, shape = document[output.name], (rows,) if output.width is None else (rows, output.width)
    wanted = f"{rows} rows" if output.width is None else f"{rows} rows of {output.width}"
    error = ServiceError(
        f"'{output.name}' of the service's answer is {_quote(values)} instead of {wanted} ({output.type})", _CONTRACT
    )
    flat = _flat(values, shape)
    if flat is None or not all(_fits(value, output) for value in flat):
        raise error
    if output.type == "string":
        texts = np.empty(len(flat), dtype=object)
        texts[:] = [MISSING_STRING if value is None else value for value in flat]
        return texts.reshape(shape)
    if output.type == "number":
        return np.array([np.nan if value is None else value for value in flat], dtype=np.float64).reshape(shape)
    try:
        return np.array(flat, dtype=np.int64).reshape(shape)
    except OverflowError:
        raise error from None


def _flat(values: Any, shape: tuple[int, ...]) -> list[Any] | None:
    """Return the elements of a nested list of this shape, or None when it has another."""
    if not isinstance(values, list) or len(values) != shape[0]:
        return None
    if len(shape) == 1:
        return values
    if not all(isinstance(row, list) and len(row) == shape[1] for row in values):
        return None
    return [value for row in values for value in row]


def _fits(value: Any, output: Output) -> bool:
    match output.type:
        case "string":
            return value is None or isinstance(value, str)
        case "number":
            return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)


def _split(url: str) -> SplitResult:
    error = ServiceError(f"'{url}' is not the address of a service", _CHECK_URL)
    try:
        parts = urlsplit(url.strip() if "://" in url else f"http://{url.strip()}")
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise error from None
    if not valid or parts.query or parts.fragment or any(not sign.isprintable() or sign == " " for sign in url.strip()):
        raise error
    return parts


def _prefix(parts: SplitResult) -> str:
    return parts.path.rstrip("/").removesuffix("/predict").rstrip("/")


def _refuse(base: str, status: int, location: str | None, content: bytes) -> NoReturn:
    if location is not None and 300 <= status < 400:
        target = urljoin(f"{base}/predict", location).partition("?")[0].removesuffix("/predict")
        raise ServiceError(f"'{base}' redirects (status {status}) to '{location}'", f"give the address {target}")
    what = {404: f"has no /predict (status {status})", 422: f"refuses golden rows (status {status})"}
    message = f"'{base}' {what.get(status, f'answers with status {status}')}: {_quote(content)}"
    hints = {404: _CHECK_URL, 422: "is this the service of this workspace?"}
    raise ServiceError(message, hints.get(status, "see the service's own log"))


def _quote(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return f"'{line}'" if len(line) <= 200 else f"'{line[:200]}...'"


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
