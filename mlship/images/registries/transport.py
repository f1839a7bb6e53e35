"""Talking to a registry: requests that end, a few more attempts, credentials, and what went wrong in plain words.

Source: OCI distribution spec 1.1.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ChunkedEncodingError, RequestException, SSLError, Timeout

from mlship.errors import BuildError, MlshipError
from mlship.images.registries import credentials, tokens
from mlship.images.registries.answers import Unavailable, is_settled, no_answer, refusal
from mlship.images.registries.credentials import Credentials
from mlship.images.registries.references import Reference, origin

#: Seconds: to connect, and between two pieces of an answer.
TIMEOUTS = (10.0, 60.0)
#: Seconds before the second and the third attempt.
_PAUSES = (0.5, 1.5)
_UNAVAILABLE = (500, 502, 503, 504)

T = TypeVar("T")

# it says on the screen what is raised here
logging.getLogger("oras.logger").setLevel(logging.CRITICAL)


class Transport:
    """Requests to the repository of one reference; plain HTTP goes to this machine only.

    What goes wrong is raised as ``kind``; ``doing`` ("pull", "push") is what the repository is used for.
    """

    def __init__(
        self, reference: Reference, kind: type[MlshipError], doing: str, timeouts: tuple[float, float]
    ) -> None:
        self.reference, self.kind, self.doing = reference, kind, doing
        self._timeouts = timeouts
        self._scheme = "http" if reference.is_local else "https"
        self._credentials, self._unknown = _find(reference.registry, doing)
        self._authorization = ""
        self._session = requests.Session()
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, _Bounded(timeouts))
        # some registries take whoever keeps cookies for a browser
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.auth = self._sign
        # no proxy leads back to this machine, whatever NO_PROXY says
        self._proxies = {"no_proxy": urlsplit(f"//{reference.host}").hostname or ""} if reference.is_local else {}
        # requests itself does not look at the first of them
        self._verify = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or True

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def repeated(self, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` does; when the connection fails it is made again, three times in all.

        Raises ``kind`` for what is left then.
        """
        with self._plain_errors():
            for pause in _PAUSES:
                try:
                    return attempt()
                except SSLError as error:
                    if is_settled(error):
                        raise
                    time.sleep(pause)
                except (requests.ConnectionError, ChunkedEncodingError, Timeout, Unavailable):
                    time.sleep(pause)
            return attempt()

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Path | bytes = b"",
        params: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Return the answer to one request below the repository, or to where the registry said: a whole address.

        Raises Unavailable when the registry says that it cannot answer now.
        """
        root = f"{self._scheme}://{self.reference.host}/v2/{self.reference.repository}/"

        def once() -> requests.Response:
            with ExitStack() as opened:
                data = opened.enter_context(body.open("rb")) if isinstance(body, Path) else body
                return self._session.request(
                    method,
                    urljoin(root, path),
                    headers=headers,
                    data=data,
                    params=params,
                    stream=stream,
                    proxies=dict(self._proxies),  # it is written to
                    verify=self._verify,
                )

        answer = once()
        if self._scheme == "http" and _wants_tls(answer):
            self._scheme = "https"
            return self.send(method, path, headers=headers, body=body, params=params, stream=stream)
        if answer.status_code in (401, 403) and self._authorise(answer):
            answer = once()
        if answer.status_code in _UNAVAILABLE:
            raise Unavailable(answer)
        return answer

    def expect(self, answer: requests.Response, *wanted: int) -> requests.Response:
        """Return ``answer`` when it has a code that is ``wanted``; raises ``kind`` with the registry's words if not."""
        if answer.status_code not in wanted:
            if self._unknown and answer.status_code in (401, 403, 429):
                raise self.kind(self._unknown.message, self._unknown.hint) from self._unknown
            raise refusal(self.kind, answer, self.reference, self.doing, self._user)
        return answer

    @property
    def _user(self) -> str:
        return self._credentials.user if self._credentials else ""

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add what the registry knows us by: not for other hosts, and in place of what ~/.netrc may hold."""
        if self._authorization and self._is_ours(str(request.url)) and "Authorization" not in request.headers:
            request.headers["Authorization"] = self._authorization
        return request

    def _is_ours(self, url: str) -> bool:
        """Say whether an address is of the registry itself: it may lead to others, which must not have the password."""
        return origin(url) == origin(f"{self._scheme}://{self.reference.host}")

    def _authorise(self, answer: requests.Response) -> bool:
        """Do what a refusal of the registry asks for; False when there is nothing to try that was not tried."""
        if not self._is_ours(answer.url):
            return False
        challenge = answer.headers.get("WWW-Authenticate", "")
        before, self._authorization = self._authorization, ""  # which is not for where tokens are from
        if challenge.lower().startswith("basic"):
            self._authorization = f"Basic {self._credentials.basic}" if self._credentials else ""
        else:
            self._authorization = tokens.fetch(
                challenge, self.reference, self._credentials, self._session, self.kind, verify=self._verify
            )
        return bool(self._authorization) and self._authorization != before

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            raise refusal(self.kind, error.answer, self.reference, self.doing, self._user) from error
        except RequestException as error:
            raise no_answer(self.kind, error, self.reference, self._timeouts) from error


def _find(registry: str, doing: str) -> tuple[Credentials | None, BuildError | None]:
    """Return who we are to a registry; else, of a pull, why that is not known: a public image can be had without."""
    try:
        return credentials.find(registry), None
    except BuildError as error:
        if doing != "pull":
            raise
        return None, error


def _wants_tls(answer: requests.Response) -> bool:
    """Say whether a server was asked without the TLS that it speaks: Go's says so in an answer without headers."""
    return answer.status_code == 400 and (not answer.headers or "HTTPS" in answer.text)


class _Bounded(HTTPAdapter):
    """Gives every request its time-outs, also those that a redirect or a token brings."""

    def __init__(self, timeouts: tuple[float, float]) -> None:
        super().__init__()
        self._timeouts = timeouts

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or self._timeouts
        return super().send(request, *args, **options)
