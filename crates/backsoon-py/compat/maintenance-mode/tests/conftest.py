"""A site for the tests, and what they share. Nothing in here is of Backsoon, so that rows can be run against the original."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ["DJANGO_SETTINGS_MODULE"] = "garden.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import Client, RequestFactory, override_settings  # noqa: E402

from maintenance_mode import core  # noqa: E402

call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def state(tmp_path):
    """The state file of this test, under settings of its own."""
    file = tmp_path / "state.txt"
    with override_settings(MAINTENANCE_MODE_STATE_FILE_PATH=str(file)):
        yield file


@pytest.fixture
def given():
    """Changes settings for the rest of the test."""
    fields = []

    def give(**settings):
        field = override_settings(**{name if name.isupper() and name.startswith(OTHERS) else f"MAINTENANCE_MODE_{name}": value for name, value in settings.items()})
        field.enable()
        fields.append(field)

    yield give
    for field in reversed(fields):
        field.disable()


#: What is meant as it is, without the prefix.
OTHERS = ("MAINTENANCE_MODE", "CACHES", "USE_", "TIME_ZONE", "ROOT_URLCONF", "MIDDLEWARE", "TEMPLATES", "STATIC", "STORAGES", "MEDIA", "FORCE", "INSTALLED", "SESSION", "DEFAULT")


@pytest.fixture
def client():
    return Client(raise_request_exception=True)


@pytest.fixture
def on():
    """The mode is on."""
    core.set_maintenance_mode(True)


@pytest.fixture
def request_to():
    return RequestFactory().get


@pytest.fixture
def people():
    """Users of every kind, made anew."""
    from django.contrib.auth.models import User

    User.objects.all().delete()
    made = {
        "ordinary": User.objects.create_user("ordinary"),
        "staff": User.objects.create_user("staff", is_staff=True),
        "superuser": User.objects.create_user("superuser", is_superuser=True),
        "root": User.objects.create_user("root", is_staff=True, is_superuser=True),
    }
    yield made
    User.objects.all().delete()


@pytest.fixture
def as_user(people):
    """A browser in which somebody has signed in."""

    def sign_in(name):
        browser = Client()
        if name != "anonymous":
            browser.force_login(people[name])
        return browser

    return sign_in
