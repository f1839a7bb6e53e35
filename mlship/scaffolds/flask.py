"""The Flask scaffold."""

from mlship.scaffolds.writing import ServiceScaffold


class FlaskScaffold(ServiceScaffold):
    """A Flask service."""

    framework = "flask"
    title = "Flask"
    server = "granian"
