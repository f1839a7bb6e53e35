"""Start the service: ``python serve.py``, with settings from the environment, which README.md lists.

SIGTERM ends it: for DRAIN_SECONDS it still answers all, but says at /readyz that it is not ready; then it closes the
port and answers what has arrived, within GRACE_SECONDS. Ctrl-C does not drain. A second signal ends it at once.
"""

import importlib
import os
import shutil
import socket
import sys

import supervise
from core.running.start import Server, bind, start


def main(server: Server) -> int:
    """Serve with as many workers as ``server`` says."""
    if supervise.SOCKET in os.environ:
        parent = os.getppid()
        code = _work(server, socket.socket(fileno=int(os.environ[supervise.SOCKET])))
        if os.getppid() != parent:  # it was killed, and cannot remove the folder itself
            shutil.rmtree(os.environ["SHARED_DIR"], ignore_errors=True)
        return code
    sockets = bind(server)
    sys.stderr.write(f"serving at {server.url} with {server.workers} worker{'s' * (server.workers > 1)}\n")
    return _work(server, sockets[0]) if server.workers == 1 else supervise.run(sockets)


def _work(server: Server, listening: socket.socket) -> int:
    # imported here, as the process that only starts workers stays small without the libraries of the model
    return int(importlib.import_module("worker").run(server, listening))


if __name__ == "__main__":
    start(main)
