"""The Django scaffold."""

from mlship.scaffolds.writing import ServiceScaffold


class DjangoScaffold(ServiceScaffold):
    """A Django project."""

    framework = "django"
    title = "Django"
    server = "granian"
