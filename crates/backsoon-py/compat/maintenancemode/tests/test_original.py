"""The originals beside this one, installed for real in an environment of its own. They come from PyPI."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

import originals  # noqa: E402

SETTINGS = """
SECRET_KEY = "not a secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_of_it"
SITE_ID = 1
SILENCED_SYSTEM_CHECKS = ["maintenancemode.W004"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages", "django.contrib.sessions",
    "django.contrib.sites", "maintenancemode",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware", "maintenancemode.middleware.MaintenanceModeMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]

def here(request):
    from django.http import HttpResponse
    return HttpResponse("here")

from django.urls import path
urlpatterns = [path("", here)]
"""


def test_whoever_is_installed_last(tmp_path):
    environment = originals.Environment(tmp_path, SETTINGS)
    for original in ("django-maintenancemode-2==2.0", "django-maintenancemode==0.11.7"):
        originals.replace_each_other(environment, original, "backsoon-django-maintenancemode", "maintenancemode.E004")
