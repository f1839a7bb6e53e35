"""What registries answer when they do not do as asked, and how connections to them fail: in plain words."""

import re

from requests import Response
from requests.exceptions import RequestException, SSLError

from mlship.errors import BaseImageMissingError, MlshipError
from mlship.images.registries.references import Reference

_AGAIN = "run it again: what is there already is not sent again"
_LOOK = "check the name, and that the registry runs"

_NOT_TRUSTED = "CERTIFICATE_VERIFY_FAILED|certificate verify failed|Hostname mismatch|doesn't match"
_NOT_TLS = "WRONG_VERSION_NUMBER|RECORD_LAYER|record layer|packet length|UNKNOWN_PROTOCOL"

#: What to look for in the words of an error, the message and the hint.
_CAUSES = (
    (
        _NOT_TRUSTED,
        "the certificate of registry '{host}' is not trusted: {words}",
        "export SSL_CERT_FILE=/path/of/its/ca.pem",
    ),
    (
        _NOT_TLS,
        "registry '{host}' does not speak TLS: {words}",
        "give it a certificate: plain HTTP is used for registries on this machine only",
    ),
    (
        "TLS CA certificate bundle",
        "your own certificates cannot be read: {words}",
        "look at REQUESTS_CA_BUNDLE and SSL_CERT_FILE",
    ),
    ("ProxyError|Cannot connect to proxy", "the proxy to registry '{host}' fails: {words}", "echo $HTTPS_PROXY"),
    ("timed out|Timeout", "registry '{host}' does not answer within {seconds:g} seconds", _AGAIN),
    (
        "Failed to establish|NameResolution|Failed to resolve|Connection refused|No route to host",
        "registry '{host}' cannot be reached: {words}",
        _LOOK,
    ),
)


class Unavailable(Exception):  # noqa: N818  # it is an answer
    """The registry cannot answer now; it may if it is asked again."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def is_settled(error: SSLError) -> bool:
    """Say whether TLS would fail again: a connection that is cut below it raises the same error."""
    return bool(re.search(f"{_NOT_TRUSTED}|{_NOT_TLS}", str(error), re.IGNORECASE))


def no_answer(
    kind: type[MlshipError], error: RequestException, reference: Reference, timeouts: tuple[float, float]
) -> MlshipError:
    """Explain why there is no answer: the error to raise after the last attempt."""
    text = f"{type(error).__name__}: {error}"
    host = reference.host
    seconds = timeouts[0] if "connect timeout" in text else timeouts[1]
    for pattern, message, hint in _CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(message.format(host=host, words=_core(text), seconds=seconds), hint)
    return kind(f"the connection to registry '{host}' was cut each time: {_core(text)}", _AGAIN)


def refusal(kind: type[MlshipError], answer: Response, reference: Reference, doing: str, user: str) -> MlshipError:
    """Explain what a registry says; ``user`` is who asked, "" when nobody was named."""
    host, status, words = reference.registry, answer.status_code, _words(answer)
    login = "docker login" if host == "docker.io" else f"docker login {host}"
    if status == 404:
        return kind(f"'{reference}' does not exist: {words}", "check the name and the version")
    if status == 401 and not user:
        also = ", or does not exist" if kind is BaseImageMissingError else ""
        return kind(f"registry '{host}' wants a password for '{reference.repository}'{also}", login)
    if status == 401 and answer.headers.get("WWW-Authenticate", "").lower().startswith("basic"):
        return kind(f"registry '{host}' refuses the password of '{user}'", login)
    if status in (401, 403):
        who = f"'{user}'" if user else "people without a password"
        message = f"registry '{host}' does not let {who} {doing} '{reference.repository}': {words}"
        return kind(message, f"{login} as somebody who may")
    if status == 429:
        message = f"registry '{host}' lets you {doing} no more for now: {words}"
        return kind(message, f"wait, or let it know who you are: {login}")
    return kind(f"registry '{host}' failed to {doing} '{reference}': {status} {words}", "run it again later")


def _words(answer: Response) -> str:
    """Return what the registry says of an error (OCI distribution spec, "Error Codes")."""
    try:
        errors = answer.json()["errors"]
        return "; ".join(str(error.get("message") or error["code"]) for error in errors)
    except (ValueError, LookupError, TypeError, AttributeError, RequestException):
        return str(answer.reason)


def _core(text: str) -> str:
    """Return the part of an error that tells something: it comes wrapped in those of two libraries."""
    system = re.findall(r"\[Errno -?\d+\] ([^'\")\]]+)", text)
    tls = re.findall(r"\[SSL[^\]]*\] ([^()]+)", text)
    return next((part.strip() for part in (*system, *tls)), " ".join(text.split())[:200])
