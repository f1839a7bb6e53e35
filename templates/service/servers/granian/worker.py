"""The process that answers: what it does before granian gives it requests, and after the last one."""

import os
import shutil
import signal
import sys
from threading import Thread, main_thread
from typing import Any

from core.running.parents import follow
from core.running.start import Server, StartError
from core.running.worker import grpc, load


def application(parent: int, server: Server) -> Any:
    """Return the WSGI application, and tell the process ``parent`` that it is there."""
    try:
        module = load()
        beside = grpc(module.service, server)
        beside.__enter__()
    except StartError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    service = module.service

    def drain() -> None:
        if service.draining:
            service.drain()

    def end() -> None:
        main_thread().join()
        beside.__exit__(None, None, None)
        service.close()

    follow(parent, drain, lambda: shutil.rmtree(os.environ["SHARED_DIR"], ignore_errors=True))
    Thread(target=end).start()
    os.kill(parent, signal.SIGUSR1)
    return module.app
