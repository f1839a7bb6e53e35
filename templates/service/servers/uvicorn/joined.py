"""The head of an ASGI application's answer leaves with the first of its body: uvicorn writes them apart.

Source: ASGI specification 3.0, HTTP, "Response Start": it is not to be sent before a "Response Body" is there.
"""

from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Joined:
    """The transport of one answer, which keeps its head until the first of its body is there.

    That saves a system call and a packet, which take as long as a prediction.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._transport: Transport = cycle.transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Write what is no part of the answer (100 Continue) at once, its head with what comes next."""
        if not self._cycle.response_started:
            self._transport.write(data)
        elif not self._head:
            self._head = data
        else:
            self._cycle.transport = self._transport
            self._transport.writelines((self._head, data))

    def close(self) -> None:
        """Close the connection; an answer that has failed since has a head all the same."""
        self._transport.write(self._head)
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
