"""Where a service is, and the bytes of a request to it."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mlship.errors import ServiceError

_PORTS = {"http": 80, "https": 443}
_HINT = "give an address such as http://127.0.0.1:8000"


@dataclass(frozen=True)
class Address:
    """``place`` is what a socket of ``family`` connects to; ``prefix`` comes before each path."""

    family: int
    place: tuple[Any, ...]
    name: str
    host: str
    prefix: str
    tls: ssl.SSLContext | None


def locate(url: str, timeout: float) -> Address:
    """Take ``url`` apart and look its host up; of several addresses, the first that accepts a connection is taken.

    Raises ServiceError where it is no address, or the name is not known.
    """
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        name = None
    if not name:
        raise ServiceError(f"'{url}' is not the address of a service", _HINT)
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # the latter for a name that cannot be one
        raise ServiceError(f"the host '{name}' of '{url}' is not known: {error}", _HINT) from error
    family, _, _, _, place = _answering(found, timeout)
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    host = parts.netloc.rpartition("@")[2]
    return Address(family, place, name, host, parts.path.rstrip("/"), tls)


def request(address: Address, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of a POST of ``body`` to ``path`` below the address, JSON unless ``headers`` say otherwise."""
    given = {name.lower() for name in headers}
    fields = {"Host": address.host, "Content-Type": "application/json", "Content-Length": str(len(body))}
    told = {**{name: value for name, value in fields.items() if name.lower() not in given}, **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {address.prefix}{path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


def _answering(found: list[Any], timeout: float) -> Any:
    """Return the first that a connection can be made to, as "localhost" may be ::1 too; else the first."""
    if len(found) > 1:
        for each in found:
            try:
                socket.create_connection(each[4][:2], timeout).close()
            except OSError:
                continue
            return each
    return found[0]
