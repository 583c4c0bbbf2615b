"""Sites of other shapes, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BOTH = ["test_setting.py", "test_command.py", "test_fork.py"]


def python(*words, **environment):
    known = {**os.environ, "PYTHONPATH": str(HERE), **environment}
    done = subprocess.run([sys.executable, *words], env=known, capture_output=True, text=True, timeout=120, cwd=HERE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_without_sites_the_lock_file_and_the_setting_work():
    said = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *BOTH, SHAPE="orchard.without_sites")
    assert "passed" in said and "failed" not in said and "skipped" not in said


def test_without_sites_there_are_no_models_and_nothing_to_migrate():
    said = python("-c", """
import django, io
django.setup()
from django.apps import apps
from django.core.management import call_command
for name in ("check", "migrate"):
    call_command(name, verbosity=0)
out = io.StringIO()
call_command("makemigrations", check=True, dry_run=True, stdout=out)
call_command("showmigrations", "maintenancemode", stdout=out)
from maintenancemode import admin, middleware, models, utils, views
from django.conf import urls
from django.core.management import CommandError
try:
    call_command("setmaintenance", "on")
except CommandError as error:
    print(error)
print(list(apps.get_app_config("maintenancemode").get_models()), urls.handler503, out.getvalue())
""", DJANGO_SETTINGS_MODULE="orchard.without_sites")
    assert "[] maintenancemode.views.temporary_unavailable" in said and "No changes detected" in said and "(no migrations)" in said
    assert "add django.contrib.sites" in said


def test_a_site_that_lists_only_the_middleware():
    said = python("-c", """
from orchard import settings
settings.INSTALLED_APPS.remove("maintenancemode")
import django
django.setup()
from django.core.management import call_command
from django.test import Client, override_settings
call_command("migrate", verbosity=0)
print(Client().get("/").status_code)
with override_settings(MAINTENANCE_MODE=True):
    print(Client().get("/").status_code)
""", DJANGO_SETTINGS_MODULE="orchard.settings")
    assert said.split() == ["200", "503"]


def test_w84_the_first_migrate_makes_the_row_of_the_first_site():
    said = python("-c", """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from maintenancemode.models import Maintenance
print(Maintenance.objects.get())
""", DJANGO_SETTINGS_MODULE="orchard.settings", ORCHARD_DATABASE=":memory:")
    assert said.strip() == "example.com"


def test_the_package_is_imported_before_there_are_settings():
    python("-c", """
import maintenancemode, maintenancemode.http
assert maintenancemode.get_version() == maintenancemode.__version__ and maintenancemode.VERSION[0] == 0
""", DJANGO_SETTINGS_MODULE="")


def test_the_package_can_be_loaded_again():
    said = python("-c", """
import django, importlib
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client, override_settings
from maintenancemode import conf, lock, middleware, rules, utils
for module in (conf, lock, rules, utils, middleware):
    importlib.reload(module)
print(Client().get("/").status_code)
with override_settings(MAINTENANCE_MODE=True):
    print(Client().get("/").status_code)
""", DJANGO_SETTINGS_MODULE="orchard.settings", ORCHARD_DATABASE=":memory:")
    assert said.split() == ["200", "503"]


def test_the_lock_file_lies_beside_the_settings_by_default():
    said = python("-c", """
import django
from django.conf import settings
del settings.MAINTENANCE_LOCKFILE_PATH
django.setup()
print(settings.MAINTENANCE_LOCKFILE_PATH)
""", DJANGO_SETTINGS_MODULE="orchard.settings")
    assert said.strip() == str(HERE / "orchard" / "maintenance.lock")


def test_d05_w83_a_database_of_the_original_goes_on_working(tmp_path):
    said = python("-c", """
import io, sys
from orchard import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.test import Client
for app in ("sites", "auth", "admin", "sessions"):
    call_command("migrate", app, verbosity=0)
for line in open("orchard/original.sql"):
    if not line.startswith("--"):
        connection.cursor().execute(line)
out = io.StringIO()
call_command("migrate", stdout=out)
call_command("makemigrations", check=True, dry_run=True, stdout=out)
assert "No migrations to apply" in out.getvalue() and "No changes detected" in out.getvalue(), out.getvalue()
from maintenancemode.models import Maintenance
print([Client().get(path).status_code for path in ("/", "/docs", "/admin/login/")], Maintenance.objects.get().ignored_url_patterns())
call_command("setmaintenance", "off")
print(Client().get("/").status_code, Maintenance.objects.get().pk)
call_command("migrate", "maintenancemode", "zero", verbosity=0)
print(Client().get("/").status_code)
call_command("migrate", verbosity=0)
print(Maintenance.objects.count())
""", str(tmp_path / "database"), DJANGO_SETTINGS_MODULE="orchard.settings")
    assert said.splitlines() == ["[503, 200, 200] ['^docs']", "200 7", "200", "1"]
