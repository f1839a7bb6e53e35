"""The FastAPI scaffold."""

from mlship.scaffolds.writing import ServiceScaffold


class FastApiScaffold(ServiceScaffold):
    """A FastAPI service: routes of your own get its routing, docs and dependency injection."""

    framework = "fastapi"
    title = "FastAPI"
    server = "uvicorn"
