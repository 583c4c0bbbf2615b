"""What the system checks say."""

import re
from importlib import metadata

import pytest
from django.conf import settings
from django.core.checks import run_checks


def said(deploy=False):
    found = run_checks(include_deployment_checks=deploy)
    return {message.id: f"{message.msg} {message.hint}" for message in found if message.id.startswith("maintenancemode.")}


def test_a_sound_site_hears_nothing(given):
    given(IGNORE_URLS=[re.compile("/a/"), "^/b/(?!c)"], INTERNAL_IPS=["127.0.0.1", "10.0.0.0/8", "10/8"], ADMIN_IGNORED_URLS=("^admin/",))
    assert said() == {}


@pytest.mark.parametrize("name", ["MAINTENANCE_IGNORE_URLS", "MAINTENANCE_ADMIN_IGNORED_URLS", "INTERNAL_IPS", "MAINTENANCE_TRUSTED_PROXIES"])
def test_a_forgotten_comma(name, given, client):
    given(**{name: "127.0.0.1"})
    found = said()["maintenancemode.E001"]
    assert name in found and f"{name} = ('127.0.0.1',)" in found


@pytest.mark.parametrize("name", ["IGNORE_URLS", "ADMIN_IGNORED_URLS"])
def test_patterns_that_do_not_compile(name, given):
    given(**{name: ["^a", "("]})
    found = said()["maintenancemode.E002"]
    assert f"MAINTENANCE_{name}" in found and "'('" in found and "position" in found


@pytest.mark.parametrize("name", ["IGNORE_URLS", "ADMIN_IGNORED_URLS"])
def test_a_pattern_that_does_not_compile_opens_nothing(name, given, client, closed):
    given(**{name: ["("], "MAINTENANCE_MODE": True})
    assert client.get("/").status_code == 503


def test_w72_patterns_of_the_admin_that_never_match(given):
    given(ADMIN_IGNORED_URLS=["^/admin"])
    assert "never matches" in said()["maintenancemode.E002"]


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "", "1.2.3", "localhost", "10.0.0.0-10.0.0.5", "fe80::1%eth0"])
def test_addresses_that_are_none(entry, given):
    given(INTERNAL_IPS=[entry])
    assert repr(entry) in said()["maintenancemode.W006"]


def test_an_object_that_knows_what_is_in_it_is_left_alone(given):
    given(INTERNAL_IPS=type("Own", (list,), {})(["10.*"]))
    assert said() == {}


@pytest.mark.parametrize("name, meant", [("IGNORE_URL", "MAINTENANCE_IGNORE_URLS"), ("EXCLUDE_URLS", "MAINTENANCE_IGNORE_URLS"), ("BLOCKSTAFF", "MAINTENANCE_BLOCK_STAFF")])
def test_names_that_nobody_reads(name, meant, given):
    given(**{name: "x"})
    assert said()["maintenancemode.W001"] == f"Nobody reads the setting MAINTENANCE_{name} here. Is it called {meant}?"


@pytest.mark.parametrize("name", ["MESSAGE", "BANNER", "ENABLED", "MODE_TEXT"])
def test_names_that_a_site_may_read_itself(name, given):
    given(**{name: "x"})
    assert said() == {"maintenancemode.I001": (
        f"Nobody reads the setting MAINTENANCE_{name} here. Remove it, unless something else of the site reads it."
    )}


@pytest.mark.parametrize("name", ["django-maintenancemode", "django-maintenancemode-2"])
def test_an_original_beside_this_one(name, monkeypatch):
    real = metadata.distribution
    monkeypatch.setattr(metadata, "distribution", lambda asked: object() if asked == name else real(asked))
    assert f"pip uninstall {name}, " in said()["maintenancemode.E004"]


def test_a_store_that_cannot_be_named_so(given):
    given(MAINTENANCE_STORE="nonsense:/x")
    assert list(said()) == ["maintenancemode.E005"]


def test_a_middleware_before_anybody_knows_the_user(given):
    given(MIDDLEWARE=[settings.MIDDLEWARE[-1], *settings.MIDDLEWARE[:-1]])
    assert "AuthenticationMiddleware" in said()["maintenancemode.W002"]


def test_a_lock_file_in_the_old_place(given, lock, monkeypatch, tmp_path):
    from maintenancemode import checks, conf

    old = tmp_path / "old.lock"
    monkeypatch.setattr(checks, "OLD_LOCKFILE", str(old))
    monkeypatch.setitem(conf.DEFAULTS, "MAINTENANCE_LOCKFILE_PATH", str(lock))
    assert said() == {}
    old.touch()
    found = said()["maintenancemode.W003"]
    assert str(old) in found and str(lock) in found


def test_a_page_that_nobody_finds(given):
    given(MAINTENANCE_503_TEMPLATE="broken.html")
    assert "'broken.html' is broken" in said()["maintenancemode.W004"]
    given(MAINTENANCE_503_TEMPLATE="nowhere.html")
    assert "'nowhere.html' is not there" in said()["maintenancemode.W004"]
    given(ROOT_URLCONF="orchard.urls_of_its_own")
    assert said() == {}


def test_w68_this_machine_among_those_that_are_let_in(given):
    given(INTERNAL_IPS=["127.0.0.1"])
    assert "127.0.0.1/32" in said(deploy=True)["maintenancemode.W005"] and said() == {}
    given(MAINTENANCE_TRUSTED_PROXIES=["127.0.0.1"])
    assert "maintenancemode.W005" not in said(deploy=True)
