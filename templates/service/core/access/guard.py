"""Who may ask, how often, and how many at a time."""

import math
from collections.abc import Collection

from core.access.cors import Cors
from core.access.keys import Keys
from core.access.rates import Rates, network
from core.http import Head, Reply
from core.problems import InvalidRequestError, invalid
from core.settings import Settings


class Guard:
    """Admits requests, as the settings say.

    Each worker of a service has its own: ``rate_limit`` and ``max_concurrency`` hold for each of them.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = Keys(settings.api_keys)
        self._rates = Rates(settings.rate_limit) if settings.rate_limit else None
        self._cors = Cors(settings.cors_origins)
        self._asks = bool(self._keys) or self._rates is not None
        self._most = settings.max_concurrency
        # To add to a list and to take from it needs no lock, of whatever thread.
        self._taken: list[None] = []

    @property
    def held(self) -> int:
        """Return how many requests are answered or wait now."""
        return min(len(self._taken), self._most)

    def admit(self, head: Head) -> None:
        """Raise InvalidRequestError for a request without a right key (401), or one too many of its sender (429).

        The sender is the key, or else the address. Wrong keys count for the address: so nobody tries many.
        """
        key = self._keys.find(head.headers)
        if self._rates is not None:
            wait = self._rates.take(network(head.client) if key is None else f"key {key}")
            if wait:
                raise _too_many("too many requests a second", math.ceil(wait))
        if self._keys and key is None:
            raise _no_key()

    def enter(self, head: Head) -> None:
        """Admit a request and take a place for it; raises InvalidRequestError (429) where all are taken."""
        if self._asks:
            self.admit(head)
        self._taken.append(None)
        if len(self._taken) > self._most:
            self._taken.pop()
            raise _too_many(f"{self._most} requests are being answered already", 1)

    def leave(self, places: int) -> None:
        """Give ``places`` back."""
        del self._taken[:places]

    def cors(self, head: Head) -> dict[str, str]:
        """Return the headers that let a page of another origin read the answer."""
        return self._cors.headers(head)

    def preflight(self, head: Head, allowed: Collection[str] | None = None) -> Reply | None:
        """Return the answer to a CORS preflight request, which needs no key; None where ``head`` is something else.

        ``allowed`` are the methods of the path, None where a framework knows them.
        """
        return self._cors.preflight(head, allowed)


def _no_key() -> InvalidRequestError:
    told = "an API key is expected, as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"
    return invalid(("header", "authorization"), told, "unauthorized", 401, {"www-authenticate": "Bearer"})


def _too_many(told: str, seconds: int) -> InvalidRequestError:
    return invalid((), told, "too_many_requests", 429, {"retry-after": str(seconds)})
