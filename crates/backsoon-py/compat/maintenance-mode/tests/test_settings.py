"""The 25 settings: M-01 to M-25."""

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse_lazy
from maintenance_mode.backends import AbstractStateBackend
from maintenance_mode.core import get_maintenance_mode, set_maintenance_mode
from maintenance_mode.http import need_maintenance_response

USER_KINDS = ("anonymous", "ordinary", "staff", "superuser", "root")


@pytest.mark.parametrize("value, is_on", [(True, True), (False, False), (1, True), (0, False), ("False", True), ("", False)])
def test_m01_the_setting_wins_over_the_state(value, is_on, given, client, on):
    given(MAINTENANCE_MODE=value)
    assert get_maintenance_mode() == value
    assert client.get("/").status_code == (503 if is_on else 200)
    with pytest.raises(ImproperlyConfigured, match="^Maintenance mode cannot be set dynamically if defined in settings.$"):
        set_maintenance_mode(False)


class Counted(AbstractStateBackend):
    made = 0

    def __init__(self):
        type(self).made += 1

    def get_value(self):
        return True


def test_m02_the_backend_is_made_anew_for_each_call(given, client):
    given(STATE_BACKEND="test_settings.Counted")
    before = Counted.made
    assert get_maintenance_mode() is True
    assert client.get("/").status_code == 503
    assert Counted.made >= before + 2


def test_m03_the_name_of_the_file_is_the_one_in_storages(given, tmp_path):
    given(STATE_FILE_NAME="closed.txt", STATE_BACKEND="maintenance_mode.backends.DefaultStorageBackend", MEDIA_ROOT=str(tmp_path))
    set_maintenance_mode(True)
    assert (tmp_path / "closed.txt").read_text() == "1"


def test_m04_the_path_may_be_a_path(given, tmp_path):
    given(STATE_FILE_PATH=Path(tmp_path) / "other.txt")
    set_maintenance_mode(True)
    assert (tmp_path / "other.txt").read_text() == "1"


def test_m04_the_path_may_be_relative(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given(STATE_FILE_PATH="other.txt")
    set_maintenance_mode(True)
    assert (tmp_path / "other.txt").read_text() == "1" and get_maintenance_mode() is True


def test_m04_the_default_lies_beside_the_settings(monkeypatch, tmp_path):
    import subprocess
    import sys

    code = "import maintenance_mode; from django.conf import settings; print(settings.MAINTENANCE_MODE_STATE_FILE_PATH)"
    (tmp_path / "their_settings.py").write_text("SECRET_KEY = 'x'")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "their_settings")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(tmp_path / "maintenance_mode_state.txt")


def test_m05_the_cache_is_named(given):
    locmem = "django.core.cache.backends.locmem.LocMemCache"
    caches = {name: {"BACKEND": locmem, "LOCATION": name} for name in ("default", "maintenance_mode", "other")}
    given(STATE_BACKEND="maintenance_mode.backends.CacheBackend", CACHES=caches)
    from django.core.cache import caches as live

    set_maintenance_mode(True)
    assert live["maintenance_mode"].get("maintenance_mode") == "1" and live["default"].get("maintenance_mode") is None
    given(CACHE_BACKEND="other")
    set_maintenance_mode(True)
    assert live["other"].get("maintenance_mode") == "1"
    given(CACHE_BACKEND="nix")
    for call in (get_maintenance_mode, lambda: set_maintenance_mode(True)):
        with pytest.raises(ImproperlyConfigured, match="^Cache 'nix' specified in 'MAINTENANCE_MODE_CACHE_BACKEND' is not defined in settings.CACHES.$"):
            call()


@pytest.mark.parametrize("value", [True, False, "0"])
def test_m06_the_fallback_is_what_a_broken_cache_says(value, given):
    given(
        STATE_BACKEND="maintenance_mode.backends.CacheBackend",
        STATE_BACKEND_FALLBACK_VALUE=value,
        CACHES={"default": {"BACKEND": "test_state.Broken"}},
    )
    assert get_maintenance_mode() == value


def client_ip(request):
    return request.META.get("HTTP_X_REAL_IP")


def test_m07_the_address_of_the_client_may_be_found_by_the_site(given, client, on):
    given(GET_CLIENT_IP_ADDRESS="test_settings.client_ip", IGNORE_IP_ADDRESSES=["203.0.113.7"])
    assert client.get("/", HTTP_X_REAL_IP="203.0.113.7").status_code == 200
    assert client.get("/", HTTP_X_REAL_IP="203.0.113.8").status_code == 503
    with pytest.raises(TypeError):
        client.get("/")
    given(IGNORE_IP_ADDRESSES=None)
    assert client.get("/").status_code == 503


@pytest.mark.parametrize("entries, inside, outside", [
    (["^127\\.0\\.0\\.[0-9]+$"], ["127.0.0.1", "127.0.0.200"], ["127.0.1.1", "10.0.0.1"]),
    (("203.0.113.7", "2001:db8::7"), ["203.0.113.7", "2001:db8::7"], ["203.0.113.8", "2001:db8::8"]),
    (["^10\\."], ["10.0.0.1"], ["110.0.0.1"]),
    ([], [], ["127.0.0.1"]),
    ({}, [], ["127.0.0.1"]),
])
def test_m08_addresses(entries, inside, outside, given, client, on):
    given(IGNORE_IP_ADDRESSES=entries)
    for address, status in [*((a, 200) for a in inside), *((a, 503) for a in outside)]:
        assert client.get("/", REMOTE_ADDR=address).status_code == status, address


def known_by_token(request):
    class Staff:
        is_anonymous, is_authenticated, is_staff, is_superuser = False, True, True, False

    return Staff() if request.META.get("HTTP_AUTHORIZATION") else None


def test_m09_the_user_may_be_found_by_the_site(given, client, on, as_user):
    given(GET_AUTHENTICATED_USER="test_settings.known_by_token", IGNORE_STAFF=True)
    assert client.get("/", HTTP_AUTHORIZATION="Bearer staff").status_code == 200
    assert client.get("/").status_code == 503
    assert as_user("staff").get("/").status_code == 200


@pytest.mark.parametrize("setting, admitted", [
    ("IGNORE_ANONYMOUS_USER", {"anonymous"}),
    ("IGNORE_AUTHENTICATED_USER", {"ordinary", "staff", "superuser", "root"}),
    ("IGNORE_STAFF", {"staff", "root"}),
    ("IGNORE_SUPERUSER", {"superuser", "root"}),
    (None, set()),
])
def test_m10_to_m13_ignored_users(setting, admitted, given, as_user, on):
    if setting:
        given(**{setting: True})
    assert {name for name in USER_KINDS if as_user(name).get("/").status_code == 200} == admitted


def test_m12_staff_need_not_be_active(given, request_to, on):
    given(IGNORE_STAFF=True)
    request = request_to("/")
    request.user = type("User", (), {"is_anonymous": False, "is_authenticated": True, "is_staff": True, "is_superuser": False, "is_active": False})()
    assert need_maintenance_response(request) is False


@pytest.mark.parametrize("everybody, staff, superuser, signed_out", [
    (False, None, None, set()),
    (True, None, None, {"ordinary", "staff", "superuser", "root"}),
    (True, False, None, {"ordinary", "superuser", "root"}),
    (True, None, False, {"ordinary", "staff"}),
    (False, True, None, {"staff"}),
    (False, None, True, {"superuser", "root"}),
    (False, True, False, {"staff"}),
])
def test_m14_to_m16_logouts(everybody, staff, superuser, signed_out, given, as_user, on):
    given(LOGOUT_AUTHENTICATED_USER=everybody, LOGOUT_STAFF_USER=staff, LOGOUT_SUPERUSER=superuser)
    seen = set()
    for name in USER_KINDS[1:]:
        browser = as_user(name)
        assert browser.get("/").status_code == 503
        if "_auth_user_id" not in browser.session:
            seen.add(name)
    assert seen == signed_out


@pytest.mark.parametrize("path, status", [("/admin", 404), ("/admin/", 302), ("/admin/login/", 200), ("/administrators/", 503), ("/", 503)])
def test_m17_the_admin_site(path, status, given, client, on):
    assert client.get(path).status_code == 503
    given(IGNORE_ADMIN_SITE=True)
    answer = client.get(path).status_code
    assert answer == status or path == "/admin" and answer in (301, 302, 404)


def test_m17_without_an_admin_site_the_rule_says_nothing(given, client, on):
    given(IGNORE_ADMIN_SITE=True, ROOT_URLCONF="test_decision")
    assert client.get("/admin/").status_code == 503


@pytest.mark.parametrize("entries, opened, closed", [
    (["/pages/"], ["/pages/", "/pages/a"], ["/", "/other/pages/"]),
    (("^/pages/$",), ["/pages/"], ["/pages/a"]),
    ([r"^/pages/\d+/[\w-]+$"], ["/pages/12/a-b"], ["/pages/x/a"]),
    ([re.compile("^/PAGES/", re.I)], ["/pages/"], ["/"]),
    ([r"^/(?!pages)"], ["/"], ["/pages/"]),
    ([r"^/pages/(.)\1$"], ["/pages/aa"], ["/pages/ab"]),
    ([reverse_lazy("pages")], ["/pages/"], ["/"]),
    (["/"], ["/", "/pages/"], []),
    ([], [], ["/"]),
    ({}, [], ["/"]),
    ((), [], ["/"]),
])
def test_m18_urls(entries, opened, closed, given, client, on):
    given(IGNORE_URLS=entries)
    for path, status in [*((p, 200) for p in opened), *((p, 503) for p in closed)]:
        assert client.get(path).status_code == status, path


@pytest.mark.parametrize("words, status", [
    (["manage.py", "test"], 200),
    (["/srv/runtests.py"], 200),
    (["manage.py", "runserver"], 503),
    (["manage.py"], 503),
    (["pytest", "a", "test"], 503),
])
def test_m19_tests(words, status, given, client, on, monkeypatch):
    monkeypatch.setattr("sys.argv", words)
    assert client.get("/").status_code == 503
    given(IGNORE_TESTS=True)
    assert client.get("/").status_code == status


@pytest.mark.parametrize("target, location", [("/pages/", "/pages/"), ("https://status.example.com/", "https://status.example.com/"), ("pages", "/pages/")])
def test_m20_redirects(target, location, given, client, on):
    given(REDIRECT_URL=target)
    answer = client.get("/other/")
    assert (answer.status_code, answer["Location"]) == (302, location)
    if target.startswith("/"):
        assert client.get(target).status_code == 200 and client.get(target + "more").status_code == 200


def type_of(request):
    return "json" if request.path.startswith("/api/") else "html"


def test_m21_types(given, client, on):
    assert client.get("/api/")["Content-Type"] == "text/html; charset=utf-8"
    given(RESPONSE_TYPE="json")
    assert client.get("/")["Content-Type"] == "application/json"
    given(RESPONSE_TYPE="test_settings.type_of")
    assert client.get("/api/")["Content-Type"] == "application/json"
    assert client.get("/")["Content-Type"] == "text/html; charset=utf-8"


def context(request):
    return {"reason": f"moving {request.method}"}


def test_m22_context(given, client, on):
    given(GET_CONTEXT="test_settings.context", TEMPLATE="own.html")
    assert client.get("/x/").content == b"own moving GET /x/\n"
    given(RESPONSE_TYPE="json")
    assert client.post("/").json() == {"reason": "moving POST"}


def test_m23_template(given, client, on):
    given(TEMPLATE="own.html")
    assert client.get("/x/").content == b"own  /x/\n"


@pytest.mark.parametrize("status", [200, 418, 503, 599])
@pytest.mark.parametrize("kind", ["html", "json"])
def test_m24_status(status, kind, given, client, on):
    given(STATUS_CODE=status, RESPONSE_TYPE=kind)
    assert client.get("/").status_code == status
    given(REDIRECT_URL="/pages/")
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("value, header", [
    (3600, "3600"), (0, None), (None, None), (-5, "-5"), (True, "True"),
    ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"),
])
def test_m25_retry_after(value, header, given, client, on):
    given(RETRY_AFTER=value)
    assert client.get("/").headers.get("Retry-After") == header


def test_all_settings_are_there_with_their_defaults():
    expected = {
        "MAINTENANCE_MODE": None, "MAINTENANCE_MODE_STATE_BACKEND": "maintenance_mode.backends.LocalFileBackend",
        "MAINTENANCE_MODE_STATE_FILE_NAME": "maintenance_mode_state.txt", "MAINTENANCE_MODE_CACHE_BACKEND": None,
        "MAINTENANCE_MODE_STATE_BACKEND_FALLBACK_VALUE": False, "MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS": None,
        "MAINTENANCE_MODE_IGNORE_IP_ADDRESSES": None, "MAINTENANCE_MODE_GET_AUTHENTICATED_USER": None,
        "MAINTENANCE_MODE_IGNORE_ANONYMOUS_USER": False, "MAINTENANCE_MODE_IGNORE_AUTHENTICATED_USER": False,
        "MAINTENANCE_MODE_IGNORE_STAFF": False, "MAINTENANCE_MODE_IGNORE_SUPERUSER": False,
        "MAINTENANCE_MODE_LOGOUT_AUTHENTICATED_USER": False, "MAINTENANCE_MODE_LOGOUT_STAFF_USER": None,
        "MAINTENANCE_MODE_LOGOUT_SUPERUSER": None, "MAINTENANCE_MODE_IGNORE_ADMIN_SITE": None,
        "MAINTENANCE_MODE_IGNORE_URLS": None, "MAINTENANCE_MODE_IGNORE_TESTS": False, "MAINTENANCE_MODE_REDIRECT_URL": None,
        "MAINTENANCE_MODE_RESPONSE_TYPE": "html", "MAINTENANCE_MODE_GET_CONTEXT": None, "MAINTENANCE_MODE_TEMPLATE": "503.html",
        "MAINTENANCE_MODE_STATUS_CODE": 503, "MAINTENANCE_MODE_RETRY_AFTER": 3600,
    }
    assert {name: getattr(settings, name) for name in expected} == expected
