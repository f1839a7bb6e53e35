"""Start the service: ``python serve.py``, with settings from the environment, which README.md lists.

SIGTERM ends it: for DRAIN_SECONDS it still answers all, but says at /readyz that it is not ready; then it closes the
port and answers what has arrived, within GRACE_SECONDS. Ctrl-C does not drain. A second signal ends it at once.
"""

import importlib
import logging
import multiprocessing
import os
import shutil
import signal
import sys
from functools import partial
from math import ceil
from pathlib import Path
from threading import Thread, Timer
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from core.running.start import BACKLOG, Server, bind, shared_folder, start

#: Requests that a worker answers at a time. One that computes keeps the others waiting, so this is for clients that
#: send slowly.
THREADS = 16
#: SIGUSR1 is a worker's, when it is there.
_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1}


def main(server: Server) -> int:
    """Serve with as many workers as ``server`` says."""
    for each in bind(server):  # where this fails, it says so in one line
        each.close()
    with shared_folder() as shared:
        os.environ["SHARED_DIR"] = str(shared)
        granian = _granian(server)
        granian.on_startup(_Signals(granian, server, shared).listen)
        sys.stderr.write(f"serving at {server.url} with {server.workers} worker{'s' * (server.workers > 1)}\n")
        granian.serve(target_loader=partial(_load, os.getpid(), server), wrap_loader=False)
    return 0


def _granian(server: Server) -> Any:
    return Granian(
        "app:app",
        server.host,
        server.port,
        interface=Interfaces.WSGI,
        workers=server.workers,
        blocking_threads=THREADS,
        backlog=BACKLOG,
        backpressure=BACKLOG,  # of connections, and idle ones count
        http=HTTPModes.http1,
        # also how long a connection may stay open without a request
        http1_settings=HTTP1Settings(header_read_timeout=ceil(server.keep_alive * 1000)),
        websockets=False,
        log_level=LogLevels.error,
        ssl_cert=server.tls_cert,
        ssl_key=server.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        workers_kill_timeout=ceil(server.grace_seconds),
    )


def _load(parent: int, server: Server) -> Any:
    """Return the application; called in each worker."""
    # imported here, as the process that only starts workers stays small without the libraries of the model
    for number in _SIGNALS:  # until granian gives it handlers of its own
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    return importlib.import_module("worker").application(parent, server)


class _Signals:
    """What signals do in the process that starts the workers.

    A thread waits for them. A handler would run in the main thread, which may sleep on: of two signals that come
    together, the kernel may give one to another thread, which wakes nobody.
    """

    def __init__(self, granian: Any, server: Server, shared: Path) -> None:
        self._granian = granian
        self._server = server
        self._shared = shared

    def listen(self) -> None:
        """Heed signals in place of granian; called when that has set its own handlers, and started no worker yet."""
        logging.getLogger("_granian").setLevel(logging.CRITICAL)
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        Thread(target=self._heed, daemon=True).start()

    def _heed(self) -> None:
        while (number := signal.sigwait(_SIGNALS)) == signal.SIGUSR1:  # a worker is there
            # One that dies before that ends all: another would do the same.
            self._granian.respawn_failed_workers = True
            logging.getLogger("_granian").setLevel(logging.ERROR)
        (self._shared / "draining").touch()
        seconds = self._server.drain_seconds if number == signal.SIGTERM else 0.0
        timer = Timer(seconds, self._granian.signal_handler_interrupt)
        timer.daemon = True
        timer.start()
        while (number := signal.sigwait(_SIGNALS)) == signal.SIGUSR1:
            pass
        for worker in multiprocessing.active_children():
            worker.kill()
        shutil.rmtree(self._shared, ignore_errors=True)
        os._exit(128 + number)


if __name__ == "__main__":
    start(main)
