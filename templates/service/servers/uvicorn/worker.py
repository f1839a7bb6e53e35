"""The process that answers: uvicorn, with the service's own way to end."""

import asyncio
import os
import signal
import socket
from math import ceil, inf
from time import monotonic
from types import FrameType

import uvicorn

import fast
import supervise
from core.running.start import BACKLOG, Server
from core.running.worker import grpc, load
from core.service import Service

#: Seconds for clients with an open connection that have just sent a request; its answer closes the connection.
_LINGER = 0.5


def run(server: Server, listening: socket.socket) -> int:
    """Serve app.py at ``listening`` until this process is told to end; returns the exit code."""
    module = load()
    config = uvicorn.Config(
        fast.application(module.service, module.app),
        interface="asgi3",
        http=fast.protocol(module.service, module.app),
        ws="none",  # none of the service's routes is a WebSocket: "auto" lets yours be
        log_level="warning",
        access_log=False,  # ACCESS_LOG is written by core.watching.logs
        server_header=False,
        # who is in front of the service is trusted with the address of the client where the variable names it
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
        backlog=BACKLOG,
        timeout_keep_alive=ceil(server.keep_alive),
        timeout_graceful_shutdown=ceil(server.grace_seconds),
        ssl_certfile=server.tls_cert,
        ssl_keyfile=server.tls_key,
    )
    with grpc(module.service, server):
        Draining(config, module.service, server).run(sockets=[listening])
    module.service.close()
    return 0


class Draining(uvicorn.Server):
    """uvicorn, which answers on for DRAIN_SECONDS after SIGTERM, ends with exit code 0, and at once when told twice."""

    def __init__(self, config: uvicorn.Config, service: Service, server: Server) -> None:
        super().__init__(config)
        self._service = service
        self._server = server
        self._told = 0  # the signal
        self._close_at = inf

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        shared = self._service.settings.shared_dir
        if shared and supervise.SOCKET in os.environ:
            supervise.serves(shared, self._server.workers)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, answer what has arrived, and end."""
        for each in self.servers:
            each.close()
        loop = asyncio.get_running_loop()
        last = loop.time() + (_LINGER if self._told == signal.SIGTERM else 0.0)
        while self.server_state.connections and loop.time() < last:
            await asyncio.sleep(_LINGER / 10)
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Say, ten times a second, whether it is time to close the port."""
        self.should_exit = self.should_exit or monotonic() >= self._close_at
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain, then close the port and end."""
        if self._told:
            if supervise.SOCKET not in os.environ:  # else Ctrl-C comes from the terminal and from the supervisor
                os._exit(128 + sig)
            return
        self._told = sig
        self._service.drain()
        seconds = self._server.drain_seconds if sig == signal.SIGTERM else 0.0
        # the last resort against a model that never answers: the signal ends the process
        signal.alarm(ceil(seconds + self._server.grace_seconds) + 2)
        self._close_at = monotonic() + seconds
