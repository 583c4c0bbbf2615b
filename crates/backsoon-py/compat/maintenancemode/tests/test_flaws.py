"""The flaws of the originals that end here."""

import logging

import pytest
from django.contrib.sites.models import Site
from django.db import OperationalError, connection, connections
from django.test import Client, RequestFactory
from maintenancemode import row, utils
from maintenancemode.middleware import MaintenanceModeMiddleware
from maintenancemode.models import Maintenance


@pytest.fixture
def mode(given):
    given(MAINTENANCE_MODE=True)


@pytest.fixture
def down(monkeypatch):
    """The database is down from now on."""

    def fail(*args, **kwargs):
        raise OperationalError("the server has gone away")

    def go(works=False):
        if works:
            return monkeypatch.undo()
        monkeypatch.setattr(type(connections["default"]), "cursor", fail)

    return go


def ask(path="/", **fields):
    """Without Django's handler, which would look for a session."""
    answer = MaintenanceModeMiddleware(lambda request: None).process_request(RequestFactory().get(path, **fields))
    return 200 if answer is None else answer.status_code


def test_w01_below_a_prefix(open_urls, mode, given):
    from django.test import override_settings

    given(IGNORE_URLS=["^/docs"])
    open_urls("^docs")
    with override_settings(FORCE_SCRIPT_NAME="/app"):
        assert Client().get("/docs").status_code == 200 and Client().get("/").status_code == 503


def test_w02_a_refusal_touches_no_session_unless_a_rule_needs_the_user(closed, given, client):
    given(ADMIN_IGNORED_URLS=["^docs"], INTERNAL_IPS=["192.0.2.7"])
    request = RequestFactory().get("/docs")

    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(f"nobody may ask for {name}")

    request.user = Untouchable()
    assert MaintenanceModeMiddleware(lambda request: None).process_request(request) is None
    Maintenance.objects.update(is_being_performed=False)
    request = RequestFactory().get("/")
    request.user = Untouchable()
    assert MaintenanceModeMiddleware(lambda request: None).process_request(request) is None


def test_w02_a_user_that_cannot_be_known_is_a_stranger(closed, caplog, monkeypatch):
    monkeypatch.setattr("maintenancemode.decision.trouble._last", "")

    class Lost:
        @property
        def is_staff(self):
            raise OperationalError("the server has gone away")

    for _ in range(4):
        request = RequestFactory().get("/")
        request.user = Lost()
        assert MaintenanceModeMiddleware(lambda request: None).process_request(request).status_code == 503
    assert len([record for record in caplog.records if "nobody can say who the user is" in record.message]) == 1


def test_w63_a_database_that_is_down_leaves_the_last_known_row(open_urls, down, caplog):
    open_urls("^docs")
    assert ask() == 503 and ask("/docs") == 200
    down()
    assert ask() == 503 and ask("/docs") == 200 and ask("/admin/login/") == 200
    assert [record.levelname for record in caplog.records if "last known" in record.message] == ["ERROR"]
    down(works=True)
    Maintenance.objects.update(is_being_performed=False)
    assert ask() == 200
    down()
    assert ask() == 200


def test_w63_what_nobody_has_known_is_open_and_logged(closed, down, caplog, monkeypatch):
    monkeypatch.setattr(row, "_trouble", "")
    down()
    assert ask() == 200 and "the server has gone away" in caplog.text


def test_w63_a_missing_table_is_no_row(closed, caplog):
    assert ask() == 503
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE maintenancemode_maintenance RENAME TO elsewhere")
    try:
        assert ask() == 200 and "manage.py migrate" in caplog.text
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO maintenancemode_maintenance")
    assert ask() == 503


def test_w63_a_context_processor_without_its_database_leaves_the_page(closed, given, client):
    from copy import deepcopy

    from django.conf import settings

    templates = deepcopy(settings.TEMPLATES)
    templates[0]["OPTIONS"]["context_processors"].append("orchard.processors.without_database")
    given(TEMPLATES=templates)
    # The others are there.
    assert client.get("/").content == b"Temporary unavailable. You requested: / in autumn\n"


def test_w64_a_pattern_that_does_not_compile_opens_nothing(open_urls, client, caplog):
    open_urls("(", "^docs", "[")
    assert client.get("/").status_code == 503 and client.get("/docs").status_code == 200
    assert client.get("/admin/login/").status_code == 200
    assert "does not compile" in caplog.text


def test_w65_by_host_where_no_setting_says_which_site(given, client):
    two = Site.objects.create(domain="two.example.com")
    Maintenance.objects.create(site=two, is_being_performed=True)
    given(SITE_ID=None)
    assert client.get("/", HTTP_HOST="two.example.com").status_code == 503
    assert client.get("/", HTTP_HOST="two.example.com:8000").status_code == 503
    assert client.get("/", HTTP_HOST="example.com").status_code == 200
    Maintenance.objects.update(is_being_performed=True)
    assert client.get("/", HTTP_HOST="example.com").status_code == 503
    # Nobody's, so there is no row.
    assert client.get("/", HTTP_HOST="three.example.com").status_code == 200
    # A host that Django does not allow is no way in.
    given(ALLOWED_HOSTS=["example.com"])
    assert client.get("/", HTTP_HOST="three.example.com").status_code == 400


def test_w66_a_site_that_is_not_there_is_open(closed, given, client):
    given(SITE_ID=77)
    assert client.get("/").status_code == 200


def test_w68_a_proxy_on_this_machine_lets_nobody_in_by_itself(mode, given, client):
    given(INTERNAL_IPS=["127.0.0.1"], MAINTENANCE_TRUSTED_PROXIES=["127.0.0.1"])
    assert client.get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="8.8.8.8").status_code == 503


@pytest.mark.parametrize("text", ["192.0.2.7", "127.0.0.1, 192.0.2.7"])
def test_w69_a_string_is_one_entry(text, closed, given, client):
    given(INTERNAL_IPS=text)
    assert client.get("/", REMOTE_ADDR="2.0.2").status_code == 503
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == (200 if text == "192.0.2.7" else 503)


def test_w77_context_processors_run(closed, client):
    assert b"in autumn" in client.get("/").content


def test_w82_on_python_without_distutils(closed, client):
    import sys

    assert client.get("/").status_code == 503 and "distutils" not in sys.modules


def test_w83_settings_are_read_when_they_are_needed(closed, client, given):
    from maintenancemode import middleware
    from maintenancemode.utils import settings

    given(BLOCK_STAFF=True, ADMIN_IGNORED_URLS=["^pages"], MAINTENANCE_503_TEMPLATE="own.html")
    assert middleware.MAINTENANCE_BLOCK_STAFF is True and settings.MAINTENANCE_ADMIN_IGNORED_URLS == ["^pages"]
    assert client.get("/").content == b"own: /\n" and client.get("/pages/").status_code == 200


def test_w86_nobody_believes_what_is_forwarded(mode, given, client):
    given(INTERNAL_IPS=["127.0.0.1"])
    for forwarded in ("127.0.0.1", "8.8.8.8, 127.0.0.1", "127.0.0.1, 8.8.8.8"):
        assert client.get("/", REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR=forwarded).status_code == 503
    given(MAINTENANCE_TRUSTED_PROXIES=["10.0.0.1"])
    # What the client has written itself stands on the left.
    assert client.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="127.0.0.1, 8.8.8.8").status_code == 503
    assert client.get("/", REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 503


@pytest.mark.parametrize("address", ["10", "0xa000001", "167772161", "10.0.0.0/16", "::a01:203", "", "10.0.0.1x", "unknown"])
def test_w87_only_an_address_is_an_address(address, mode, given, client):
    given(INTERNAL_IPS=["10.0.0.0/8"])
    assert client.get("/", REMOTE_ADDR=address).status_code == 503
    assert address not in utils.IPList(["10.0.0.0/8"])


def test_w87_an_address_in_the_clothes_of_the_other_version(mode, given, client):
    given(INTERNAL_IPS=["10.0.0.0/8"])
    assert client.get("/", REMOTE_ADDR="::ffff:10.0.0.1").status_code == 200 and "::ffff:10.0.0.1" in utils.IPList(["10.0.0.0/8"])


def test_w90_the_lock_file_is_not_among_the_code(given, lock, client, monkeypatch, tmp_path):
    from maintenancemode import conf
    from maintenancemode import lock as ours

    old = tmp_path / "site-packages.lock"
    monkeypatch.setattr(ours, "OLD_LOCKFILE", str(old))
    monkeypatch.setitem(conf.DEFAULTS, "MAINTENANCE_LOCKFILE_PATH", str(lock))
    utils.activate()
    assert lock.is_file() and not old.exists()
    # Whoever was closed with the original stays so, and opens with one word.
    old.touch()
    lock.unlink()
    assert client.get("/").status_code == 503 and utils.status()
    utils.deactivate()
    assert not old.exists() and client.get("/").status_code == 200
    # Where a place is named, no other one counts.
    old.touch()
    given(LOCKFILE_PATH=str(tmp_path / "named"))
    assert client.get("/").status_code == 200


def test_w91_an_entry_that_is_none_opens_nothing_and_breaks_nothing(mode, given, client):
    given(INTERNAL_IPS=["bogus", "10.0.0.1/8", "192.0.2.7"])
    assert client.get("/", REMOTE_ADDR="10.0.0.1").status_code == 503
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert "192.0.2.7" in utils.IPList(["bogus", "192.0.2.7"])


@pytest.mark.parametrize("path", ["/docs%2f..%2fcart", "/docs/../cart", "/docs/%2e%2e/cart", "/docs//7", "/docs/;x/../cart", "//docs"])
def test_ways_around_a_rule_are_none(path, mode, open_urls, given, client):
    from urllib.parse import unquote

    given(IGNORE_URLS=["^/docs", "^/(?=docs)docs"])
    open_urls("^docs", "(?=docs)docs")
    assert client.get("/docs/7", RAW_URI="/docs/7").status_code == 200
    assert client.generic("GET", unquote(path), RAW_URI=path).status_code == 503


def test_both_must_admit(mode, open_urls, client, as_user, given):
    open_urls("^docs")
    assert client.get("/docs").status_code == 503
    given(IGNORE_URLS=["^/docs", "^/pages"])
    assert client.get("/docs").status_code == 200 and client.get("/pages").status_code == 503
    assert as_user("superuser").get("/").status_code == 200
    given(ALLOW_SUPERUSER=False)
    assert as_user("superuser").get("/").status_code == 503 and as_user("root").get("/").status_code == 200
    given(BLOCK_STAFF=True)
    assert as_user("staff").get("/").status_code == 503


def test_what_is_known_of_one_site_says_nothing_of_another(closed, down, given):
    assert ask() == 503
    down()
    given(SITE_ID=2)
    assert ask() == 200


def test_has_tables_says_nothing_where_nobody_can(down):
    assert row.has_tables("default") is True
    down()
    assert row.has_tables("default") is None
