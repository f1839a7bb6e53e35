"""API keys: which of them a request carries."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest


class Keys:
    """Knows keys by their digests; neither the keys nor what clients send for them is kept here or shown.

    Source: RFC 6750, section 2.1 (``Authorization: Bearer KEY``); ``X-API-Key: KEY`` is a custom of many services.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = tuple(sha256(key.encode()).digest() for key in keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def find(self, headers: Mapping[bytes, bytes]) -> int | None:
        """Return the number of the key that is sent, None where none is or it is unknown.

        How long this takes does not depend on how much of a key is right, nor on which one it is.
        """
        digest, found = sha256(_sent(headers)).digest(), None
        for number, known in enumerate(self._digests):
            if compare_digest(digest, known):
                found = number
        return found


def _sent(headers: Mapping[bytes, bytes]) -> bytes:
    if key := headers.get(b"x-api-key"):
        return key.strip()
    scheme, _, token = headers.get(b"authorization", b"").strip().partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
