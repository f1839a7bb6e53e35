"""The web service: Django for your own views, ``core`` in front of Django for the paths of the model.

Start it with ``python serve.py``. Views of your own go into service_site/urls.py.
"""

import os

from django.core.wsgi import get_wsgi_application

from core.fronts.wsgi import Front
from core.service import Service
from core.settings import from_environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "service_site.settings")

# To answer a path of the service yourself, name it: own={"/predict"}.
service = Service(from_environment(os.environ), libraries=("django", "granian"))

# The paths of the service do not pass through Django, which would take most of the time of a small request.
app = Front(get_wsgi_application(), service)
