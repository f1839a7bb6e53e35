"""Paths of your own views; the paths of the model are answered before Django is asked: app.py."""

from django.urls import URLPattern, URLResolver

from service_site import problems

urlpatterns: list[URLPattern | URLResolver] = []

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.failed
