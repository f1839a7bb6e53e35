"""The web service as a bare ASGI application: no framework between the server and ``core``, which does the work.

Start it with ``python serve.py``. Routes of your own are added to ``Service`` in core/service.py, or take a framework.
"""

import os

from core.fronts.asgi import Front
from core.service import Service
from core.settings import from_environment

service = Service(from_environment(os.environ), libraries=("uvicorn",))
app = Front(None, service)
