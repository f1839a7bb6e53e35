"""Tokens: what many registries want in place of a password, and send their clients elsewhere to fetch.

Source: the documentation of the distribution project, "Token Authentication Specification".
"""

from typing import Any
from urllib.parse import urlsplit

import requests
from oras.auth import get_auth_backend
from oras.auth.utils import parse_auth_header
from requests.exceptions import JSONDecodeError

from mlship.errors import MlshipError
from mlship.images.registries.credentials import Credentials
from mlship.images.registries.references import Reference


def fetch(
    challenge: str,
    reference: Reference,
    known: Credentials | None,
    session: requests.Session,
    kind: type[MlshipError],
    *,
    verify: str | bool,
) -> str:
    """Return the Authorization that a WWW-Authenticate asks for, "" when there is none to be had.

    Raises ``kind`` when the password would go there without TLS, or when what answers hands out no tokens at all.
    """
    realm = parse_auth_header(challenge).realm
    if not realm:
        return ""
    if urlsplit(realm).scheme.lower() != "https" and not reference.is_local:
        message = f"registry '{reference.host}' has its tokens at '{realm}', where anybody could read the password"
        raise kind(message, "tell those who run it that this address must begin with https://")
    answer = requests.Response()
    answer.headers["WWW-Authenticate"] = challenge
    backend: Any = get_auth_backend("token", session, tls_verify=verify)
    if known:
        backend.set_basic_auth(known.user, known.password)
    try:
        headers, changed = backend.authenticate_request(answer, {})
    except (JSONDecodeError, AttributeError) as error:  # a page, or JSON that is no object
        message = f"'{realm}', where registry '{reference.host}' has its tokens, answers with something else"
        raise kind(message, "open that address in a browser: a proxy or a log-in page may be in between") from error
    return str(headers["Authorization"]) if changed else ""
