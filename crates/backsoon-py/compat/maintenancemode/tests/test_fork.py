"""F-01 to F-09: the older fork. They run with sites and without."""

import sys

import django
import pytest
from django.core.checks import run_checks


@pytest.fixture
def mode(given):
    given(MAINTENANCE_MODE=True)


def test_f01_the_settings_close_and_open(client, given):
    given(MAINTENANCE_MODE=True, IGNORE_URLS=(r"^/docs/.*",))
    assert client.get("/").status_code == 503 and client.get("/docs/").status_code == 200
    given(IGNORE_URLS=())
    assert client.get("/docs/").status_code == 503
    given(MAINTENANCE_MODE=False)
    assert client.get("/").status_code == 200


def test_f02_an_address_means_itself(mode, client, given):
    given(INTERNAL_IPS=("192.0.2.7",))
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200
    for address in ("192.0.2.70", "192.0.2.8"):
        assert client.get("/", REMOTE_ADDR=address).status_code == 503
    assert client.get("/", REMOTE_ADDR="192.0.2.8", HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 503


def test_f03_staff_is_let_in(mode, as_user):
    assert as_user("staff").get("/").status_code == 200 and as_user("ordinary").get("/").status_code == 503


def test_f04_urls(mode, client, given):
    given(IGNORE_URLS=(r"^/docs/.*", r"^/contact"))
    for path, status in (("/docs/7", 200), ("/contact/", 200), ("/docs", 503), ("/", 503)):
        assert client.get(path).status_code == status, path


def test_f04_the_name_in_its_changes_is_pointed_out(given):
    given(MAINTENANCE_EXCLUDE_URLS=())
    said = {message.id: message.hint for message in run_checks()}
    assert said["maintenancemode.W001"] == "Is it called MAINTENANCE_IGNORE_URLS?"


def test_f05_context_processors_run(mode, client):
    assert client.get("/pages/").content == b"Temporary unavailable. You requested: /pages/ in autumn\n"


def test_f06_a_view_of_the_sites_own(mode, client, given):
    given(ROOT_URLCONF="orchard.urls_of_its_own")
    assert client.get("/").content == b"our own page"


def test_f07_a_site_that_needs_neither_command_nor_lock_file(mode, client, given):
    given(LOCKFILE_PATH="")
    assert client.get("/").status_code == 503
    given(MAINTENANCE_MODE=False)
    assert client.get("/").status_code == 200


def test_f08_a_middleware_that_is_named_as_a_module_is_pointed_out(given):
    given(MIDDLEWARE=["maintenancemode.middleware"])
    said = {message.id: message.hint for message in run_checks()}
    assert said["maintenancemode.E006"] == "Write 'maintenancemode.middleware.MaintenanceModeMiddleware'."


def test_f09_the_versions_that_there_are():
    assert django.VERSION >= (4, 2) and sys.version_info >= (3, 10)
