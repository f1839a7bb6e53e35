"""What each process that answers requests does, whichever server it is part of."""

import gc
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from core.predictor import Predictor
from core.running.memory import release_code
from core.running.start import Server, StartError
from core.runtime import examples
from core.runtime.model import ModelFolderError
from core.service import Service
from core.watching.counters import SharedFolderError


def load() -> ModuleType:
    """Import app.py, whose ``app`` is served and whose ``service`` is behind it.

    Raises StartError for a folder that is not in order, the model's or SHARED_DIR. What else goes wrong in app.py is
    shown in full.
    """
    # What is loaded lives as long as the process: collecting garbage need not look at it, neither while it is being
    # loaded nor again and again afterwards.
    gc.disable()
    try:
        module = importlib.import_module("app")
    except (ModelFolderError, SharedFolderError) as error:
        raise StartError(str(error)) from error
    finally:
        gc.enable()
    gc.collect()
    gc.freeze()
    # Nor is what belongs to dozens of requests that are answered together: by default it is looked at in each turn.
    gc.set_threshold(10_000)
    release_code()
    # So that the first request finds what it needs; with another predictor, as this is not to be counted. Whether the
    # answer is right, the service has asked already.
    examples.verify(Predictor(module.service.model, module.service.settings), module.service.examples)
    return module


@contextmanager
def grpc(service: Service, server: Server) -> Iterator[None]:
    """Answer over gRPC as well, where GRPC_PORT is set; at the end, wait for what is being answered."""
    port = service.settings.grpc_port
    if not port:
        yield
        return
    if importlib.util.find_spec("core.grpc") is None:
        raise StartError(f"GRPC_PORT={port}, but this service was made without gRPC: mlship scaffold --grpc")
    tls = (server.tls_cert, server.tls_key) if server.tls_cert else None
    start = importlib.import_module("core.grpc.server").start
    started: Any = start(service, server.host, port, tls=tls, shared=server.workers > 1)
    try:
        yield
    finally:
        started.stop(server.grace_seconds).wait()
