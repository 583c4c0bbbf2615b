"""The original beside this one, installed for real in an environment of its own. It comes from PyPI."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

import originals  # noqa: E402

SETTINGS = """
SECRET_KEY = "not a secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_of_it"
STATIC_URL = "/static/"
INSTALLED_APPS = ["maintenance_mode"]
MIDDLEWARE = ["maintenance_mode.middleware.MaintenanceModeMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

def here(request):
    from django.http import HttpResponse
    return HttpResponse("here")

from django.urls import path
urlpatterns = [path("", here)]
"""


def test_whoever_is_installed_last(tmp_path):
    environment = originals.Environment(tmp_path, SETTINGS)
    originals.replace_each_other(environment, "django-maintenance-mode==0.23", "backsoon-django-maintenance-mode", "maintenance_mode.E004")
