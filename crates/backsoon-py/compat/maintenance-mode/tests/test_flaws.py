"""Where parity ends: the flaws that are closed."""

import threading
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import set_script_prefix
from maintenance_mode.core import (
    get_maintenance_mode, get_maintenance_mode_backend, maintenance_mode_off, maintenance_mode_on, set_maintenance_mode,
)

ON, OFF = "/maintenance-mode/on/", "/maintenance-mode/off/"


# === W-01: a site below a prefix ===


@pytest.mark.parametrize("path, status", [("/", 503), ("/pages/", 503), ("/opened/", 200), ("/closed/", 503), (OFF, 302), ("/admin/", 302), ("/ignored/", 404)])
def test_w01_below_a_prefix(path, status, given, client, on):
    given(IGNORE_ADMIN_SITE=True, IGNORE_URLS=["^/ignored/"])
    # As servers do it: the prefix in a variable of its own, and the path as sent with it, if they tell that.
    for more in ({"RAW_URI": f"/app{path}"}, {"REQUEST_URI": f"/app{path}?a=b"}, {}):
        assert wsgi(path, SCRIPT_NAME="/app", **more) == status, more


def wsgi(path, **more):
    """The status that a server gets; the handler of Django's test client knows no prefix."""
    said = []
    environ = RequestFactory().get(path, **more).environ
    try:
        WSGIHandler()(environ, lambda status, headers, exc_info=None: said.append(status)).close()
    finally:
        set_script_prefix("/")
    return int(said[0].split()[0])


# === W-02: the database ===


class Down:
    """A database that answers nobody."""

    def __call__(self, execute, sql, *rest):
        from django.db import OperationalError

        raise OperationalError("the database is away")


@pytest.mark.parametrize("name", ["anonymous", "ordinary", "root"])
def test_w02_a_refusal_asks_no_database(name, as_user, on):
    browser = as_user(name)
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get("/")
    assert answer.status_code == 503 and len(queries) == 0
    assert "Vary" not in answer and not hasattr(answer.wsgi_request, "_cached_user")


@pytest.mark.parametrize("rule", [{}, {"IGNORE_STAFF": True}, {"IGNORE_ANONYMOUS_USER": True}, {"LOGOUT_AUTHENTICATED_USER": True}])
def test_w02_a_database_that_is_down_gives_the_page(rule, given, as_user, on, caplog, monkeypatch):
    monkeypatch.setattr("maintenance_mode.http.trouble._last", "")
    given(**rule)
    browser = as_user("staff")
    with connection.execute_wrapper(Down()):
        for _ in range(4):
            assert browser.get("/").status_code == 503
    # Once, if a rule needs the user at all.
    assert len([record for record in caplog.records if "nobody can say" in record.message]) == (1 if rule else 0)


def test_w02_an_address_or_a_path_is_enough(given, as_user, on):
    given(IGNORE_STAFF=True, IGNORE_URLS=["/pages/"])
    browser = as_user("staff")
    with connection.execute_wrapper(Down()):
        assert browser.get("/pages/").status_code == 200


# === W-03: switching from elsewhere ===


@pytest.mark.parametrize("headers", [
    {"HTTP_SEC_FETCH_SITE": "cross-site"}, {"HTTP_SEC_FETCH_SITE": "same-site"}, {"HTTP_REFERER": "https://evil.example/"},
    {"HTTP_ORIGIN": "https://evil.example"}, {"HTTP_ORIGIN": "null"}, {"HTTP_REFERER": "http://[broken"},
    {"HTTP_SEC_PURPOSE": "prefetch"}, {"HTTP_PURPOSE": "prefetch"}, {"HTTP_X_MOZ": "prefetch"},
    {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_SEC_FETCH_DEST": "image"}, {"HTTP_REFERER": "http://testserver:8000/"},
])
@pytest.mark.parametrize("path", [ON, OFF])
def test_w03_a_get_that_is_not_ones_own_asks_first(path, headers, as_user):
    browser = as_user("root")
    value = path == OFF
    set_maintenance_mode(value)
    answer = browser.get(path, **headers)
    assert answer.status_code == 200 and b"csrfmiddlewaretoken" in answer.content and b"<form method=\"post\">" in answer.content
    assert get_maintenance_mode() is value


@pytest.mark.parametrize("headers", [
    {}, {"HTTP_SEC_FETCH_SITE": "none"}, {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_REFERER": "http://testserver/admin/"},
    {"HTTP_ORIGIN": "http://testserver"}, {"HTTP_REFERER": "https://testserver/"}, {"HTTP_SEC_FETCH_SITE": "none", "HTTP_SEC_FETCH_DEST": "document"},
    {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_SEC_FETCH_DEST": "empty"},
])
def test_w03_ones_own_get_switches(headers, as_user):
    assert as_user("root").get(ON, **headers).status_code == 302
    assert get_maintenance_mode() is True


def test_w03_a_page_without_tls_is_not_ones_own_below_tls(as_user):
    assert as_user("root").get(ON, secure=True, HTTP_REFERER="http://testserver/").status_code == 200
    assert get_maintenance_mode() is False


@pytest.mark.parametrize("method", ["head", "options", "trace"])
def test_w03_head_never_switches(method, as_user):
    assert getattr(as_user("root"), method)(ON).status_code == 200
    assert get_maintenance_mode() is False


def test_w03_the_page_needs_no_template(as_user, given):
    given(TEMPLATES=[])
    assert b"<form" in as_user("root").get(ON, HTTP_SEC_FETCH_SITE="cross-site").content


def test_w03_a_post_needs_the_token_of_the_page(as_user, people):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people["root"])
    assert browser.post(ON).status_code == 403 and get_maintenance_mode() is False
    page = browser.get(ON, HTTP_SEC_FETCH_SITE="cross-site").content.decode()
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    assert browser.post(ON, {"csrfmiddlewaretoken": token}).status_code == 302 and get_maintenance_mode() is True


# === W-04: addresses ===


@pytest.mark.parametrize("entry, inside, outside", [
    ("1.2.3.4", ["1.2.3.4", "::ffff:1.2.3.4"], ["1.2.3.45", "192.3.4.77", "1.213.4.9"]),
    ("10.0.0.0/8", ["10.255.0.1"], ["11.0.0.1", "110.0.0.0"]),
    ("::1", ["0:0:0:0:0:0:0:1", "::1"], ["::10", "::1:1"]),
    ("2001:db8::/32", ["2001:db8:1::1"], ["2001:db9::1"]),
    ("192.168.1.", ["192.168.1.7"], ["192.168.10.7", "192.168.1"]),
    ("192.168.*", ["192.168.1.7"], ["192.169.1.7", "192.16.8.7"]),
    ("10.*", ["10.1.2.3"], ["100.1.2.3"]),
    ("[2001:db8::1]", ["2001:db8::1"], ["1.2.3.4", "2001:db8::2"]),
    ("10.0.0.1/8", [], ["10.0.0.1", "10.0.0.2"]),
    ("", [], ["1.2.3.4"]),
    ("1.2.3", [], ["1.2.3.4"]),
    ("10", [], ["10.0.0.1"]),
    ("^10\\.[01]\\.", ["10.0.0.1", "10.1.0.1"], ["10.2.0.1"]),
])
def test_w04_addresses_are_no_patterns(entry, inside, outside, given, client, on):
    given(IGNORE_IP_ADDRESSES=[entry])
    for address, status in [*((a, 200) for a in inside), *((a, 503) for a in outside)]:
        assert client.get("/", REMOTE_ADDR=address).status_code == status, address


def test_w04_a_forgotten_comma_is_one_entry(given, client, on):
    given(IGNORE_IP_ADDRESSES="127.0.0.1", IGNORE_URLS="/pages/")
    for address, status in (("127.0.0.1", 200), ("1.9.9.9", 503), ("8.9.9.9", 503)):
        assert client.get("/", REMOTE_ADDR=address).status_code == status
    assert client.get("/pages/", REMOTE_ADDR="8.9.9.9").status_code == 200


def test_w04_the_address_that_a_site_finds_is_the_only_one(given, client, on):
    given(GET_CLIENT_IP_ADDRESS="test_settings.client_ip", IGNORE_IP_ADDRESSES=["127.0.0.1"])
    assert client.get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_REAL_IP="8.8.8.8").status_code == 503
    assert client.get("/", REMOTE_ADDR="8.8.8.8", HTTP_X_REAL_IP="127.0.0.1").status_code == 200


def test_w86_nobody_believes_what_is_forwarded(given, client, on):
    given(IGNORE_IP_ADDRESSES=["127.0.0.1"])
    assert client.get("/", REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 503


# === W-05: overrides that overlap ===


def test_w05_each_override_ends_only_its_own(state):
    first, second = maintenance_mode_on(), maintenance_mode_on()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert get_maintenance_mode() is True
    second.__exit__(None, None, None)
    assert get_maintenance_mode() is False


def test_w05_the_youngest_that_runs_decides(state):
    closing, opening = maintenance_mode_on(), maintenance_mode_off()
    closing.__enter__()
    opening.__enter__()
    assert get_maintenance_mode() is False
    closing.__exit__(None, None, None)
    assert get_maintenance_mode() is False
    opening.__exit__(None, None, None)
    assert get_maintenance_mode() is False


def test_w05_a_decorated_function_may_call_itself():
    seen = []

    @maintenance_mode_on()
    def run(left):
        seen.append(get_maintenance_mode())
        if left:
            run(left - 1)
        seen.append(get_maintenance_mode())

    run(2)
    assert seen == [True] * 6 and get_maintenance_mode() is False


def test_w05_threads_that_overlap_leave_the_site_open():
    barrier = threading.Barrier(4)

    @maintenance_mode_on()
    def run():
        barrier.wait(20)
        seen.append(get_maintenance_mode())
        barrier.wait(20)

    seen = []
    path = settings.MAINTENANCE_MODE_STATE_FILE_PATH
    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4 and Path(path).read_text() == "0"


@pytest.mark.parametrize("override", [maintenance_mode_on, maintenance_mode_off])
def test_w05_what_an_operator_says_meanwhile_stays(override, state):
    with override():
        set_maintenance_mode(True)
    assert get_maintenance_mode() is True


def test_w05_what_another_process_says_meanwhile_stays(state):
    with maintenance_mode_off():
        state.write_text("1")
    assert get_maintenance_mode() is True


# === W-06: a state that is damaged ===

DAMAGED = ["test", "\n", "{bad", '{"start":"x"}', '{"end":123}', "\udcff"]


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("before", [True, False])
def test_w06_a_damaged_state_leaves_the_last_known_one(before, damage, state, client, given):
    set_maintenance_mode(before)
    assert client.get("/").status_code == (503 if before else 200)
    state.write_bytes(damage.encode(errors="surrogateescape"))
    with pytest.raises((ValueError, TypeError)):
        get_maintenance_mode()
    assert client.get("/").status_code == (503 if before else 200)
    given(IGNORE_URLS=["/banner/"])
    assert client.get("/banner/").content.decode().strip() == str(before)


def test_w06_an_unreadable_state_leaves_the_last_known_one(state, client):
    set_maintenance_mode(True)
    assert client.get("/").status_code == 503
    state.unlink()
    state.mkdir()
    with pytest.raises(OSError):
        get_maintenance_mode_backend().get_value()
    assert client.get("/").status_code == 503


def test_w06_what_is_known_of_one_file_says_nothing_of_another(state, client, given, tmp_path):
    set_maintenance_mode(True)
    assert client.get("/").status_code == 503
    (tmp_path / "other").write_text("damaged")
    given(STATE_FILE_PATH=str(tmp_path / "other"))
    assert client.get("/").status_code == 200
    given(STATE_BACKEND_FALLBACK_VALUE=True)
    assert client.get("/").status_code == 503


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("word, text", [("off", "0"), ("on", "1")])
def test_w06_the_command_repairs_a_damaged_state(word, text, damage, state):
    state.write_bytes(damage.encode(errors="surrogateescape"))
    call_command("maintenance_mode", word)
    assert state.read_text() == text


def test_w07_a_read_never_writes(state, monkeypatch):
    import maintenance_mode.io

    for name in ("mkstemp",):
        monkeypatch.setattr(maintenance_mode.io.tempfile, name, None)
    assert get_maintenance_mode() is False and not state.parent.joinpath(state.name).exists()


def test_w16_a_missing_folder_is_off(given, tmp_path, client):
    given(STATE_FILE_PATH=str(tmp_path / "nowhere" / "state.txt"))
    assert client.get("/").status_code == 200 and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("word", ["on", "off"])
def test_w09_a_write_that_does_not_land_is_no_success(word, given):
    given(STATE_BACKEND="maintenance_mode.backends.CacheBackend", CACHES={"default": {"BACKEND": "test_state.Broken"}}, STATE_BACKEND_FALLBACK_VALUE=word == "off")
    with pytest.raises(CommandError, match="^Unable to write state file at: maintenance_mode_state.txt$"):
        call_command("maintenance_mode", word)


# === odd paths ===


@pytest.mark.parametrize("sent, decoded", [
    ("/hooks%2f..%2fcart", "/hooks/../cart"), ("/hooks/../cart", "/hooks/../cart"), ("/hooks%2fcart", "/hooks/cart"),
    ("//hooks/", "//hooks/"), ("/hooks/;x", "/hooks/;x"), ("/hooks/%252e", "/hooks/%2e"), ("/hooks/a%0a", "/hooks/a\n"),
])
@pytest.mark.parametrize("urls", [["^/*hooks/"], ["^/*(?=hooks)hooks/"]])
def test_ways_around_a_rule_are_none(urls, sent, decoded, given, client, on):
    given(IGNORE_URLS=urls)
    assert client.get("/hooks/7", RAW_URI="/hooks/7").status_code in (200, 404)
    assert client.get("/", PATH_INFO=decoded, RAW_URI=sent).status_code == 503
    assert client.get("/", PATH_INFO=decoded, REQUEST_URI=sent).status_code == 503


@pytest.mark.parametrize("path", ["/pages/Grüße", "/pages/日本", "/pages/a b", "/pages/a'b"])
@pytest.mark.parametrize("url", [r"^/pages/\w+", "^/pages/[^/]", r"^/pages/(?=\w)"])
def test_paths_beyond_ascii_are_judged_as_python_judges_them(path, url, given, on, client):
    given(IGNORE_URLS=[url])
    assert client.get(path).status_code == 200
    given(IGNORE_URLS=[url.replace("pages", "other")])
    assert client.get(path).status_code == 503
