"""Django and joblib in one file, with no middleware, sessions or database: only routing and views."""

import json
import os

import joblib
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY=os.urandom(16).hex(), MIDDLEWARE=[])
model = joblib.load(os.environ["MODEL"])


def predict(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"prediction": model.predict(json.loads(request.body)["features"]).tolist()})


urlpatterns = [path("predict", predict)]
app = get_wsgi_application()
