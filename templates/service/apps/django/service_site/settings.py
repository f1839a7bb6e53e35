"""Settings of Django: no database, no sessions, no templates; views that answer JSON.

https://docs.djangoproject.com/en/stable/ref/settings/
"""

import os
import secrets

from core.settings import from_environment

DEBUG = False

# Nothing here signs anything yet. Set the variable once something does: each worker makes a key of its own otherwise.
SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe(64)

# Any: probes ask by address, and nothing here makes a link of the host's name. A gateway sorts hosts out.
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "*").split(",")

ROOT_URLCONF = "service_site.urls"
WSGI_APPLICATION = "app.app"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",  # tells the length of answers
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "service_site.problems.Described",
]
APPEND_SLASH = False
INSTALLED_APPS: list[str] = []
DATABASES: dict[str, object] = {}
USE_I18N = False

#: Bodies of your own views are limited like those of the model.
DATA_UPLOAD_MAX_MEMORY_SIZE = from_environment(os.environ).max_body_bytes

SILENCED_SYSTEM_CHECKS = [
    # No cookie says who asks, so no other site can ask in somebody's name. With sessions: CsrfViewMiddleware.
    "security.W003",
    # Whether a host is only reached by TLS, and redirects to it, is known where TLS ends: mostly a gateway, which asks
    # here without it, like every probe. Where it ends here (TLS_CERT), there is nothing to redirect from.
    "security.W004",
    "security.W008",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    # Without this Django tells of errors by mail only. Below an error is what clients do wrong: ACCESS_LOG tells that.
    "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
}
