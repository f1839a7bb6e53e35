"""Ask a service over HTTP, one request at a time, and say in plain words what went wrong."""

import http.client
import json
import re
import ssl
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, NoReturn, Self
from urllib.parse import SplitResult, urljoin, urlsplit

from mlship.errors import ServiceError, UsageError

#: What a service must answer, for a hint.
CONTRACT = 'the service must answer POST /predict with {"prediction": [...]}, as mlship scaffold makes it'

_LARGEST_ANSWER = 1 << 28
_NO_USER = "leave them out, and give --header 'Authorization: Basic ...', which stands in no report"
#: A name and a value of a header (RFC 9110, 5.1 and 5.5; no obs-text), and headers that belong to the message itself.
_NAME, _VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")
_SAID = frozenset({"connection", "content-length", "content-type", "expect", "transfer-encoding"})
_START = "start the service first: mlship serve"
#: Hints for statuses that say who may ask, and how often.
KEY = "does it ask for a key? mlship benchmark --url ADDRESS --header 'X-API-Key: ...'"
LIMITED = "it limits the rate of requests: raise that limit, or ask less often (--rate)"
_CHECK_URL = "give the address without /predict, such as http://127.0.0.1:8000"


class Client:
    """One keep-alive connection to a service; ``url`` may lack the scheme and may have a path prefix.

    ``timeout`` bounds each request in seconds; ``headers`` go with each, and stand in no message. Raises ServiceError
    for a URL that cannot be used.
    """

    def __init__(self, url: str, timeout: float = 10.0, headers: Mapping[str, str] | None = None) -> None:
        parts = split(url)
        self.base = f"{parts.scheme}://{parts.netloc}{_prefix(parts)}"
        self.timeout, self._headers = timeout, dict(headers or {})
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
        """POST ``body`` to /predict?outputs=all and return the decoded answer; raises ServiceError as ``ask`` does."""
        return self.ask("POST", "/predict?outputs=all", json.dumps(body, allow_nan=False).encode())

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        """Ask ``path`` below the URL and return the decoded answer.

        Raises ServiceError when nothing answers in time, the status is not 200, or the answer is not JSON.
        """
        return self.decoded(path, *self.request(method, path, body))

    def decoded(self, path: str, status: int, headers: Mapping[str, str], content: bytes) -> Any:
        """Return the JSON that ``path`` answered; raises ServiceError for another status, or what is not JSON."""
        if status != http.HTTPStatus.OK:
            raise self._refused(path.partition("?")[0], status, headers.get("location"), content)
        return decoded(content, f"'{self.base}'")

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request, with a body of JSON, to ``path`` below the URL.

        Returns status, headers (names in lower case) and content. A connection that the server closed since the last
        request is opened once more. Raises ServiceError when nothing answers in time.
        """
        again = self._used
        try:
            return self._exchange(method, path, body)
        except (ConnectionError, http.client.BadStatusLine) as error:
            self._connection.close()
            if not again:
                raise self._silent(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from error
        self._used = False
        return self.request(method, path, body)

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        deadline = time.monotonic() + self.timeout
        headers = self._headers if body is None else {"Content-Type": "application/json", **self._headers}
        self._connection.request(method, self._prefix + path, body, headers)
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
        return response.status, {name.lower(): value for name, value in response.headers.items()}, bytes(parts)

    def _refused(self, path: str, status: int, location: str | None, content: bytes) -> ServiceError:
        if location is not None and 300 <= status < 400:
            target = urljoin(self.base + path, location).partition("?")[0].removesuffix(path)
            message = f"'{self.base}' redirects (status {status}) to '{location}'"
            return ServiceError(message, f"give the address {target}")
        what = {404: f"has no {path} (status {status})", 422: f"refuses golden rows (status {status})"}
        message = f"'{self.base}' {what.get(status, f'answers with status {status}')}: {quoted(content)}"
        hints = {401: KEY, 403: KEY, 404: _CHECK_URL, 422: "is this the service of this workspace?", 429: LIMITED}
        return ServiceError(message, hints.get(status, "see the service's own log"))

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


def split(url: str) -> SplitResult:
    """Take an address apart; without a scheme it is one of http.

    Raises ServiceError for what is none, and for one with a user and a password, which is not quoted.
    """
    error = ServiceError(f"'{url}' is not the address of a service", _CHECK_URL)
    try:
        parts = urlsplit(url.strip() if "://" in url else f"http://{url.strip()}")
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise error from None
    if parts.username is not None or parts.password is not None:
        raise ServiceError(f"the address of '{parts.hostname}' holds a user or a password", _NO_USER)
    if not valid or parts.query or parts.fragment or any(not sign.isprintable() or sign == " " for sign in url.strip()):
        raise error
    return parts


def headers_of(lines: Iterable[str]) -> dict[str, str]:
    """Return the headers that lines such as "X-API-Key: abc" give.

    Raises UsageError, which never quotes a value, for what is no header or is said by each request itself.
    """
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not _NAME.fullmatch(name):
            raise UsageError("a --header is not of the form 'Name: value'", "--header 'X-API-Key: ...'")
        if not _VALUE.fullmatch(value):
            raise UsageError(f"the value of --header '{name}' is empty, or has characters that no header may have")
        if name.lower() in _SAID:
            raise UsageError(f"--header '{name}' cannot be given: each request says that itself")
        if name.lower() in {known.lower() for known in found}:
            raise UsageError(f"--header '{name}' is given twice")
        found[name] = value
    return found


def quoted(value: Any) -> str:
    """Write bytes, or a JSON value, on one line in quotes, cut off where it is long."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return f"'{line}'" if len(line) <= 200 else f"'{line[:200]}...'"


def decoded(content: bytes, who: str) -> Any:
    """Return the JSON in ``content``; raises ServiceError, naming ``who`` answered it, where it is none."""
    try:
        return json.loads(content, parse_constant=_not_json)
    except ValueError as error:
        raise ServiceError(f"{who} answered {quoted(content)}, which is not JSON", CONTRACT) from error


def _prefix(parts: SplitResult) -> str:
    return parts.path.rstrip("/").removesuffix("/predict").rstrip("/")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
