"""Which process of this machine is behind an address, so that its memory and CPU time can be measured."""

import contextlib
import ipaddress
import socket
from collections.abc import Collection, Sequence
from typing import Any

import psutil

from mlship.client import split

_PORTS = {"http": 80, "https": 443}
#: What passes connections on to a service that runs elsewhere, and is not it.
_PROXIES = frozenset({"docker-proxy", "rootlessport", "slirp4netns", "pasta", "gvproxy"})


def process_at(url: str) -> int | None:
    """Return the process that listens at ``url``, the topmost that belongs to the service.

    None where the address is not of this machine, where it cannot be known (a process of another user, several that
    have nothing to do with each other), or where a container's proxy listens. Raises ServiceError for no address.
    """
    parts = split(url)
    places = _own(parts.hostname or "", parts.port or _PORTS[parts.scheme])
    try:
        found = {pid for place in places for pid in _listening(*place)}
        first = _ancestor([psutil.Process(pid) for pid in found if pid is not None]) if None not in found else None
        if first is None:
            return None
        top = _topmost(first, places)
        return None if top.name() in _PROXIES else top.pid
    except psutil.Error:  # it ended meanwhile, or belongs to somebody else
        return None


def _own(name: str, port: int) -> set[tuple[str, int]]:
    """Return the addresses of ``name`` that are this machine's."""
    mine = {each.address.partition("%")[0] for listed in psutil.net_if_addrs().values() for each in listed}
    try:
        asked = {str(place[0]).partition("%")[0] for *_, place in socket.getaddrinfo(name, port)}
    except (OSError, UnicodeError):
        return set()
    return {(each, port) for each in asked if each in mine or ipaddress.ip_address(each).is_loopback}


def _listening(address: str, port: int) -> set[int | None]:
    """Return the processes that accept connections to an address; None is one that nobody tells."""
    listed: list[Any] = [each for each in psutil.net_connections("tcp") if _accepts(each, address, port)]
    exact = [each for each in listed if each.laddr.ip == address]  # it goes before one that takes any address
    return {each.pid for each in exact or listed}


def _accepts(each: Any, address: str, port: int) -> bool:
    if each.status != psutil.CONN_LISTEN or each.laddr.port != port:
        return False
    any_address = {"::"} if ":" in address else {"0.0.0.0", "::"}  # noqa: S104
    return each.laddr.ip in {address, f"::ffff:{address}"} | any_address


def _ancestor(listeners: Sequence[psutil.Process]) -> psutil.Process | None:
    """Return the one that has started all others, or their common parent where that runs the same program."""
    for each in listeners:
        below = {child.pid for child in each.children(recursive=True)}
        if all(other == each or other.pid in below for other in listeners):
            return each
    parents = {each.ppid() for each in listeners}
    if len(parents) != 1:
        return None
    parent = psutil.Process(parents.pop())
    return parent if all(each.exe() == parent.exe() for each in listeners) else None


def _topmost(process: psutil.Process, places: Collection[tuple[str, int]]) -> psutil.Process:
    """Climb from a process while its parent holds the same socket, or is what it was forked from."""
    while (parent := process.parent()) is not None:
        shares = False
        with contextlib.suppress(psutil.AccessDenied):
            shares = parent.cmdline() == process.cmdline() or any(
                _accepts(each, *place) for each in parent.net_connections("tcp") for place in places
            )
        if not shares:
            break
        process = parent
    return process
