"""What the system checks say."""

import io
import re
from importlib import metadata

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command


def said():
    return {message.id: f"{message.msg} {message.hint}" for message in run_checks() if message.id.startswith("maintenance_mode.")}


def test_a_sound_site_hears_nothing(given):
    given(IGNORE_URLS=[re.compile("/a/"), "^/b/(?!c)"], IGNORE_IP_ADDRESSES=["127.0.0.1", "10.0.0.0/8", "^192\\.168\\.", "192.168.1."])
    assert said() == {}


@pytest.mark.parametrize("setting", ["IGNORE_URLS", "IGNORE_IP_ADDRESSES"])
def test_a_forgotten_comma(setting, given):
    given(**{setting: "127.0.0.1"})
    found = said()["maintenance_mode.E001"]
    assert f"MAINTENANCE_MODE_{setting}" in found and "('127.0.0.1',)" in found


@pytest.mark.parametrize("setting, value", [("IGNORE_URLS", ["^/a/", "("]), ("IGNORE_IP_ADDRESSES", ["("]), ("REDIRECT_URL", "(")])
def test_patterns_that_do_not_compile(setting, value, given, client, on):
    given(**{setting: value})
    found = said()["maintenance_mode.E002"]
    assert f"MAINTENANCE_MODE_{setting}" in found and "'('" in found and "position" in found


@pytest.mark.parametrize("setting", ["IGNORE_URLS", "IGNORE_IP_ADDRESSES"])
def test_a_pattern_that_does_not_compile_opens_nothing(setting, given, client, on):
    given(**{setting: ["("]})
    assert client.get("/").status_code == 503


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "", "1.2.3", "localhost"])
def test_addresses_that_are_none(entry, given):
    given(IGNORE_IP_ADDRESSES=[entry])
    assert repr(entry) in said()["maintenance_mode.W003"]


@pytest.mark.parametrize("name, meant", [
    ("EXCEPT_URLS", "IGNORE_URLS"), ("GET_TEMPLATE_CONTEXT", "GET_CONTEXT"), ("IGNORE_URL", "IGNORE_URLS"), ("RETRYAFTER", "RETRY_AFTER"),
])
def test_names_that_nobody_reads(name, meant, given):
    given(**{name: "x"})
    assert said()["maintenance_mode.W001"] == (
        f"Nobody reads the setting MAINTENANCE_MODE_{name} here. Is it called MAINTENANCE_MODE_{meant}?"
    )


@pytest.mark.parametrize("name", ["MESSAGE", "BANNER", "ENABLED", "UNTIL"])
def test_names_that_a_site_may_read_itself(name, given):
    given(**{name: "x"})
    call_command("check", fail_level="WARNING", stdout=io.StringIO(), stderr=io.StringIO())
    assert said()["maintenance_mode.I001"] == (
        f"Nobody reads the setting MAINTENANCE_MODE_{name} here. Remove it, unless something else of the site reads it."
    )


@pytest.mark.parametrize("setting, value, says", [
    ("STATE_BACKEND", "nowhere.Backend", "nowhere.Backend"), ("STATE_BACKEND", "os.path.join", "os.path.join"),
    ("GET_CONTEXT", "nowhere.context", "nowhere.context"), ("GET_CONTEXT", "os.path", "os.path"),
    ("GET_CLIENT_IP_ADDRESS", "nowhere.address", "nowhere.address"), ("GET_AUTHENTICATED_USER", "nowhere.user", "nowhere.user"),
    ("RESPONSE_TYPE", "xml", "xml"), ("RESPONSE_TYPE", "nowhere.kind", "nowhere.kind"), ("CACHE_BACKEND", "nowhere", "nowhere"),
])
def test_what_cannot_be_found(setting, value, says, given):
    if setting == "CACHE_BACKEND":
        assert said() == {}
        given(CACHE_BACKEND=value)
        assert said() == {}, "no cache is asked"
        given(STATE_BACKEND="maintenance_mode.backends.CacheBackend")
    given(**{setting: value})
    found = said()["maintenance_mode.E003"]
    assert f"MAINTENANCE_MODE_{setting}" in found and says in found and list(said()) == ["maintenance_mode.E003"]


def test_what_can_be_found(given):
    given(STATE_BACKEND="maintenance_mode.backends.CacheBackend", CACHE_BACKEND="default", GET_CONTEXT="test_response.own")
    given(RESPONSE_TYPE="test_response.wrong", GET_CLIENT_IP_ADDRESS="maintenance_mode.utils.get_client_ip_address")
    assert said() == {}


def test_a_page_that_nobody_finds(given):
    given(TEMPLATE="nowhere.html")
    assert "'nowhere.html' is not there" in said()["maintenance_mode.W005"]
    for nobody_needs_it in ({"RESPONSE_TYPE": "json"}, {"REDIRECT_URL": "/pages/"}):
        given(TEMPLATE="nowhere.html", RESPONSE_TYPE="html", REDIRECT_URL=None)
        given(**nobody_needs_it)
        assert said() == {}


def test_a_page_that_is_broken(given, tmp_path):
    (tmp_path / "page.html").write_text("{% nonsense %}")
    (engine,) = settings.TEMPLATES
    given(TEMPLATE="page.html", TEMPLATES=[{**engine, "DIRS": [tmp_path]}])
    assert "'page.html' is broken" in said()["maintenance_mode.W005"]


@pytest.mark.parametrize("value", ["False", "off", ""])
def test_a_mode_that_is_a_text(value, given):
    given(MAINTENANCE_MODE=value)
    found = said()["maintenance_mode.W006"]
    assert repr(value) in found and ("is on" in found) == bool(value)


def test_a_status_that_is_no_503(given):
    given(STATUS_CODE=200)
    assert "200" in said()["maintenance_mode.W002"]


def test_the_original_beside_this_one(monkeypatch):
    real = metadata.distribution
    monkeypatch.setattr(metadata, "distribution", lambda name: object() if name == "django-maintenance-mode" else real(name))
    assert "pip uninstall django-maintenance-mode, " in said()["maintenance_mode.E004"]


def test_what_said_closed_before_there_was_a_store(given, state, tmp_path, on):
    given(STORE=f"file:{tmp_path}/store")
    found = said()["maintenance_mode.W004"]
    assert str(state) in found and "maintenance_mode on" in found
    call_command("maintenance_mode", "on")
    assert said() == {}
    call_command("maintenance_mode", "off")
    assert "maintenance_mode.W004" in said()
    state.write_text("0")
    assert said() == {}
    # What it is cannot be told, and is no matter here.
    given(STATE_BACKEND="nowhere.Backend")
    assert "maintenance_mode.W004" not in said()
