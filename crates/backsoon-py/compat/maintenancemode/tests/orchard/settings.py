"""A site of the shape of django-maintenancemode-2; django-maintenancemode's lock file may close it as well."""

import os
import tempfile

SECRET_KEY = "not a secret"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "orchard.urls"
USE_TZ = True
SITE_ID = 1
# The handler that mails errors asks for the user in Django 4.2, and so for the session.
LOGGING_CONFIG = None
HERE = os.path.dirname(os.path.abspath(__file__))
INSTALLED_APPS = [
    "maintenancemode",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "maintenancemode.middleware.MaintenanceModeMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("ORCHARD_DATABASE", ":memory:")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.path.join(HERE, "templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orchard.processors.season",
            ]
        },
    }
]
MAINTENANCE_LOCKFILE_PATH = os.path.join(tempfile.gettempdir(), "no lock may ever lie here", "lock")
