"""The state in a Backsoon store: one switch for Django and all other servers."""

import asyncio
import gc
import io
import json
import logging
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.core.checks import run_checks
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from maintenance_mode import store
from maintenance_mode.core import get_maintenance_mode, maintenance_mode_off, maintenance_mode_on, set_maintenance_mode
from maintenance_mode.middleware import MaintenanceModeMiddleware
from test_command import from_a_shell

sys.path.insert(0, str(Path(__file__).parents[2]))
import pages  # noqa: E402


@pytest.fixture
def url(tmp_path, given):
    given(STORE=f"file:{tmp_path}/store")
    yield f"file:{tmp_path}/store"
    store.leave()


@pytest.fixture
def backsoon(url, tmp_path):
    """Runs the command line, as an operator does."""

    def run(*words, code=0):
        environment = {**os.environ, "BACKSOON_STORE": url, "HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, "-m", "backsoon", *words], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def eventually(what, is_so):
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)


def test_a_password_is_in_no_advice():
    from backsoon.dropin.command import look

    assert look("redis://ann:secret@127.0.0.1:1/0") == "backsoon status --store 'redis://***@127.0.0.1:1/0'"


def test_a_store_of_this_process_alone_is_closed_by_this_process_alone(given, client):
    given(STORE="memory:")
    where = {"MAINTENANCE_MODE_STORE": "memory:"}
    code, said = from_a_shell("on", settings=where)
    assert code == 1 and "`memory:` would be gone at the end of this command, and no server could follow it" in said
    assert client.get("/").status_code == 200
    call_command("maintenance_mode", "on")
    assert client.get("/").status_code == 503 and get_maintenance_mode() is True
    set_maintenance_mode(False)
    assert client.get("/").status_code == 200
    store.leave()


def test_the_test_case_of_the_page_as_often_as_it_runs():
    assert [pages.run("move-from-django-maintenance-mode.md") for _ in range(2)] == [(1, [])] * 2
    store.leave()


def test_one_host_that_is_closed_is_known_to_templates_and_the_filter_of_logs(backsoon, client):
    from maintenance_mode.context_processors import maintenance_mode as variable
    from maintenance_mode.logging import RequireNotMaintenanceMode503

    here, there = (RequestFactory().get("/", HTTP_HOST=host) for host in ("testserver:8000", "two.example.com"))
    record = lambda request: logging.makeLogRecord({"status_code": 503, "request": request})  # noqa: E731
    passes = RequireNotMaintenanceMode503().filter

    def are_told():
        assert variable(here) == {"maintenance_mode": True} and variable(there) == {"maintenance_mode": False}
        assert not passes(record(here)) and passes(record(there))
        # The server of `runserver` has a socket there; and nobody knows of which host others speak.
        assert passes(record(object())) and passes(logging.makeLogRecord({"status_code": 503}))
        assert get_maintenance_mode() is False

    backsoon("on", "--new-site", "--site=testserver")
    are_told()
    eventually("closed", lambda: client.get("/").status_code == 503)
    are_told()


def test_one_command_closes_django_and_proves_it(backsoon, client, state):
    assert client.get("/").status_code == 200
    said = backsoon("on", "--wait=20s")
    assert "confirmed" in said and "1 server" in said
    # Health paths and robots.txt are refused here, and it says nothing else.
    assert client.get("/healthz").status_code == 503 and "health paths" not in said and "robots.txt" not in said
    assert client.get("/").status_code == 503 and client.get("/opened/").status_code == 200
    assert get_maintenance_mode() is True
    backsoon("off", "--wait=20s")
    assert client.get("/").status_code == 200 and client.get("/closed/").status_code == 503
    assert not state.exists()


def test_our_switch_closes_all_and_ends_only_its_own_window(backsoon, client, url):
    assert client.get("/").status_code == 200
    set_maintenance_mode(True)
    assert get_maintenance_mode() is True
    eventually("closed", lambda: client.get("/").status_code == 503)
    backsoon("on")
    set_maintenance_mode(False)
    assert get_maintenance_mode() is True and store.StoreBackend().get_value() is False
    err = io.StringIO()
    set_maintenance_mode(True)
    call_command("maintenance_mode", "off", stderr=err)
    assert f"windows of others: see `backsoon status --store {url}`" in err.getvalue() and client.get("/").status_code == 503
    with maintenance_mode_off():
        assert client.get("/").status_code == 503
    backsoon("off", "--wait=20s")
    assert client.get("/").status_code == 200


def test_schedules_and_overrides(url, client):
    set_maintenance_mode(True, start="2099-01-01T00:00+01:00")
    assert get_maintenance_mode() is False
    kept = store.StoreBackend().get_value()
    with maintenance_mode_on():
        assert get_maintenance_mode() is True
        with maintenance_mode_off():
            assert get_maintenance_mode() is False
        assert get_maintenance_mode() is True
    assert store.StoreBackend().get_value() == kept and kept["end"] is None and kept["start"].startswith("2098-12-31T23:00")


def test_a_schedule_that_ends_while_a_block_runs_leaves_the_site_open(url, client):
    from datetime import datetime, timedelta, timezone

    end = datetime.now(timezone.utc) + timedelta(seconds=1.5)
    set_maintenance_mode(True, end=end)
    with maintenance_mode_on():
        eventually("it has ended", lambda: datetime.now(timezone.utc) > end)
        assert get_maintenance_mode() is True
    assert get_maintenance_mode() is False and store.StoreBackend().get_value() is False


def test_by_the_host_that_a_proxy_forwards(backsoon, client, given):
    assert client.get("/").status_code == 200
    backsoon("on", "--site=two.example.com", "--new-site", "--wait=20s")
    for is_believed, status in ((False, 200), (True, 503)):
        given(USE_X_FORWARDED_HOST=is_believed)
        assert client.get("/", HTTP_X_FORWARDED_HOST="two.example.com").status_code == status
        assert client.get("/", HTTP_HOST="two.example.com").status_code == 503


def refused():
    """How many requests windows have refused here."""
    return sum(tally["refused"] for tally in store.member().instance.report().get("tallies", []))


def test_a_refusal_is_counted_once_and_what_is_let_in_is_not(backsoon, client, given, as_user):
    # The last one is a pattern that only Python can evaluate.
    given(IGNORE_STAFF=True, IGNORE_URLS=["/pages/", r"^/(?=banner)"], IGNORE_IP_ADDRESSES=["^192[.]0[.]2[.]"])
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    for path in ("/opened/", "/pages/", "/banner/", "/maintenance-mode/off/"):
        assert client.get(path).status_code in (200, 302), path
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200 and as_user("staff").get("/").status_code == 200
    assert refused() == 0
    # This view is always closed: no window does that.
    assert client.get("/closed/").status_code == 503 and refused() == 0
    for n, path in enumerate(("/", "/nowhere/", "/a%2fb"), 1):
        assert (client.get(path).status_code, refused()) == (503, n), path
    assert as_user("ordinary").get("/").status_code == 503 and refused() == 4


def test_a_refusal_is_counted_once_where_users_are_logged_out(backsoon, given, as_user):
    given(LOGOUT_AUTHENTICATED_USER=True, IGNORE_URLS=["/pages/"])
    browser = as_user("ordinary")
    assert browser.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    assert browser.get("/opened/").status_code == 200 and browser.get("/pages/").status_code == 200 and refused() == 0
    assert browser.get("/").status_code == 503 and refused() == 1


def test_the_rules_of_the_settings_hold(backsoon, client, given, as_user):
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    given(IGNORE_URLS=["/pages/", r"^/(?=banner)"], IGNORE_STAFF=True, IGNORE_IP_ADDRESSES=["192.0.2.7"])
    client.get("/")
    eventually("the new member is closed", lambda: client.get("/").status_code == 503)
    for path, status in (("/pages/", 200), ("/banner/", 200), ("/healthz", 503), ("/maintenance-mode/off/", 302)):
        assert client.get(path).status_code == status, path
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert as_user("staff").get("/").status_code == 200 and as_user("ordinary").get("/").status_code == 503


def test_nobody_is_logged_out_while_the_site_is_open(url, given, as_user):
    given(LOGOUT_AUTHENTICATED_USER=True, IGNORE_URLS=["/pages/"])
    browser = as_user("ordinary")
    assert browser.get("/").status_code == 200 and browser.get("/pages/").status_code == 200
    assert "_auth_user_id" in browser.session
    set_maintenance_mode(True)
    eventually("closed", lambda: browser.get("/").status_code == 503)
    assert "_auth_user_id" not in browser.session


def test_read_only(backsoon, client):
    assert client.get("/").status_code == 200
    backsoon("on", "--read-only", "--wait=20s")
    assert client.get("/").status_code == 200 and client.post("/").status_code == 503


def test_a_request_counts_until_its_last_byte(backsoon, url):
    def streamed(request):
        return StreamingHttpResponse(iter([b"first", b"last"]))

    response = MaintenanceModeMiddleware(streamed)(RequestFactory().get("/"))
    assert "1 earlier request" in backsoon("on", "--wait=1s", code=3)
    response.close()
    assert "confirmed" in backsoon("on", "--wait=20s")


def test_a_response_may_be_kept_by_a_cache(url):
    response = MaintenanceModeMiddleware(lambda request: HttpResponse("here"))(RequestFactory().get("/"))
    copy = pickle.loads(pickle.dumps(response))
    copy.close()
    assert copy.content == b"here" and store.member().instance.report() is not None
    response.close()


@pytest.mark.parametrize("is_async", [False, True])
def test_a_request_that_ends_without_a_response_counts_no_more(is_async, backsoon, url):
    def ended(request):
        raise SystemExit(3)

    async def aended(request):
        raise SystemExit(3)

    request = (AsyncRequestFactory() if is_async else RequestFactory()).get("/")
    gc.disable()
    try:
        with pytest.raises(SystemExit):
            door = MaintenanceModeMiddleware(aended if is_async else ended)
            asyncio.run(door(request)) if is_async else door(request)
        assert "confirmed" in backsoon("on", "--wait=20s")
    finally:
        gc.enable()


def test_what_runs_in_a_thread_counts_when_the_visitor_has_gone(backsoon, url, tmp_path):
    started, go = tmp_path / "started", tmp_path / "go"

    def slow():
        started.touch()
        eventually("it may end", go.exists)

    async def view(request):
        await sync_to_async(slow)()

    async def visit():
        running = asyncio.create_task(MaintenanceModeMiddleware(view)(AsyncRequestFactory().get("/")))
        await asyncio.to_thread(eventually, "it runs", started.exists)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        try:
            assert "1 earlier request" in await asyncio.to_thread(backsoon, "on", "--wait=1s", code=3)
        finally:
            go.touch()
        assert "confirmed" in await asyncio.to_thread(backsoon, "on", "--wait=20s")

    asyncio.run(visit())


def test_a_setting_that_opens_over_the_store_is_named_by_the_receipt(backsoon, client, given):
    given(MAINTENANCE_MODE=False)
    assert client.get("/").status_code == 200
    assert "MAINTENANCE_MODE = False" in backsoon("on", "--wait=20s")
    assert client.get("/").status_code == 200 and client.get("/", RAW_URI="/a%2fb").status_code == 200
    assert client.get("/closed/").status_code == 503


def test_a_setting_that_closes_over_the_store_is_named_by_the_receipt(backsoon, client, given):
    given(MAINTENANCE_MODE=True, IGNORE_URLS=["/pages/"])
    assert client.get("/").status_code == 503 and client.get("/pages/").status_code == 200
    backsoon("on", "--wait=20s")
    assert "MAINTENANCE_MODE = True" in backsoon("off", "--wait=20s")


def test_a_store_that_cannot_be_named_so_is_reported(given):
    given(STORE="nonsense:/x")
    assert [message.id for message in run_checks()] == ["maintenance_mode.E005"]


def test_a_process_that_only_switches_is_no_member(backsoon, url):
    set_maintenance_mode(True)
    set_maintenance_mode(False)
    assert get_maintenance_mode() is False
    assert " web " not in backsoon("fleet", "--once")


def test_a_pass_opens_a_closed_django_and_nothing_else_does(backsoon, client):
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    made = json.loads(backsoon("pass", "new", "--for", "Ann", "--to", "/opened/?a=b", "--json"))
    answer = client.get(made["path"], secure=True)
    assert (answer.status_code, answer["Location"], answer["Cache-Control"]) == (303, "/opened/?a=b", "no-store")
    cookie, _, attributes = answer["Set-Cookie"].partition(";")
    assert cookie.startswith("__Host-backsoon=1.") and "; Secure;" in attributes
    assert client.get(made["path"])["Set-Cookie"].startswith("backsoon=1.")

    inside = client.get("/", headers={"cookie": cookie})
    assert (inside.status_code, inside["Backsoon-Pass"]) == (200, made["id"])
    assert client.get("/closed/", headers={"cookie": cookie}).status_code == 503
    assert client.get("/").status_code == 503 and "Backsoon-Pass" not in client.get("/opened/")
    assert client.get(made["path"].rpartition(".")[0] + ".0").status_code == 503

    backsoon("pass", "revoke", made["id"])
    assert client.get("/", headers={"cookie": cookie}).status_code == 503
    backsoon("off", "--wait=20s")
    assert client.get(made["path"]).status_code == 404


def test_the_bearer_of_a_pass_stays_signed_in(backsoon, given, as_user):
    given(LOGOUT_AUTHENTICATED_USER=True)
    browser = as_user("ordinary")
    assert browser.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    made = json.loads(backsoon("pass", "new", "--for", "Ann", "--json"))
    cookie = browser.get(made["path"])["Set-Cookie"].partition(";")[0]
    name, _, value = cookie.partition("=")
    browser.cookies[name] = value
    assert browser.get("/").status_code == 200 and "_auth_user_id" in browser.session
    del browser.cookies[name]
    assert browser.get("/").status_code == 503 and "_auth_user_id" not in browser.session


@pytest.mark.parametrize("word", ["on", "off"])
def test_a_store_that_is_away_is_named_by_the_command(word, given):
    given(STORE="redis://:secret@127.0.0.1:1/0")
    with pytest.raises(CommandError, match="^The store did not take it: .*redis://.*127.0.0.1:1") as error:
        call_command("maintenance_mode", word)
    assert "secret" not in str(error.value)
