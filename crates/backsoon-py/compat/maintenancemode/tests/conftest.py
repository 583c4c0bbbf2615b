"""Sites for the tests, and what they share. ``SHAPE`` in the environment names other settings: see ``test_shapes.py``.

Nothing in here is of Backsoon, so that rows can be run against the originals.
"""

import os
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
# A file, since a database in memory is another one in each thread; in memory nevertheless, where there is such a folder.
FOLDER = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
os.environ["ORCHARD_DATABASE"] = f"{FOLDER.name}/database"
os.environ["DJANGO_SETTINGS_MODULE"] = os.environ.get("SHAPE", "orchard.settings")

import django  # noqa: E402

django.setup()

from django.apps import apps  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client, RequestFactory, override_settings  # noqa: E402

call_command("migrate", verbosity=0)

HAS_ROWS = apps.is_installed("django.contrib.sites")
#: What is meant as it is, without the prefix.
OTHERS = ("ALLOWED", "DATABASE", "INSTALLED", "INTERNAL", "MAINTENANCE_", "MIDDLEWARE", "ROOT", "SITE_ID", "TEMPLATES", "USE_")


@pytest.fixture(autouse=True)
def lock(tmp_path):
    """The lock file of this test, under settings of its own, and rows as they are at the beginning."""
    file = tmp_path / "maintenance.lock"
    with override_settings(MAINTENANCE_LOCKFILE_PATH=str(file)):
        yield file
    if HAS_ROWS:
        from django.contrib.sites.models import Site

        from maintenancemode import models

        Site.objects.exclude(pk=1).delete()
        models.Maintenance.objects.all().delete()
        Site.objects.clear_cache()
        models.populate()
        getattr(sys.modules.get("maintenancemode.row"), "_last", {}).clear()


@pytest.fixture
def given():
    """Changes settings for the rest of the test."""
    fields = []

    def give(**settings):
        named = {name if name.startswith(OTHERS) else f"MAINTENANCE_{name}": value for name, value in settings.items()}
        field = override_settings(**named)
        field.enable()
        fields.append(field)

    yield give
    for field in reversed(fields):
        field.disable()


@pytest.fixture
def client():
    return Client(raise_request_exception=True)


@pytest.fixture
def locked(lock):
    """The lock file is there."""
    lock.touch()


@pytest.fixture
def closed():
    """The row of the site says that it is closed."""
    from maintenancemode.models import Maintenance

    kept, _ = Maintenance.objects.get_or_create(site_id=1)
    kept.is_being_performed = True
    kept.save()
    return kept


@pytest.fixture
def open_urls(closed):
    """Writes patterns into the row."""

    def write(*patterns):
        for pattern in patterns:
            closed.ignoredurl_set.create(pattern=pattern, description="for the tests")

    return write


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
