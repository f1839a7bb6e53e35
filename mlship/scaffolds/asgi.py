"""The ASGI scaffold."""

from mlship.scaffolds.writing import ServiceScaffold


class AsgiScaffold(ServiceScaffold):
    """A service without a framework: a bare ASGI application."""

    framework = "asgi"
    title = "ASGI"
    server = "uvicorn"
