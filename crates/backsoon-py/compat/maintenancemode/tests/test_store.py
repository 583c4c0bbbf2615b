"""The state in a Backsoon store: one switch for Django and all other servers."""

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.contrib.sites.models import Site
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django.test.utils import CaptureQueriesContext
from maintenancemode import store, utils
from maintenancemode.middleware import MaintenanceModeMiddleware
from maintenancemode.models import Maintenance

sys.path.insert(0, str(Path(__file__).parents[2]))
import pages  # noqa: E402


@pytest.fixture
def url(tmp_path, given):
    given(MAINTENANCE_STORE=f"file:{tmp_path}/store")
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


def said(*words, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command(*words, stdout=out, stderr=err, **options)
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("words", [("maintenance", "on"), ("setmaintenance", "on", "1")])
def test_a_store_of_this_process_alone_is_closed_by_this_process_alone(given, client, words):
    given(MAINTENANCE_STORE="memory:")
    code = "import django, sys; django.setup(); from django.conf import settings; settings.MAINTENANCE_STORE = 'memory:'"
    code += "; from django.core.management import execute_from_command_line as run; run(sys.argv)"
    where = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    done = subprocess.run([sys.executable, "-c", code, *words], env=where, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "`memory:` would be gone at the end of this command" in done.stderr
    assert client.get("/").status_code == 200
    said(*words)
    assert client.get("/").status_code == 503
    said(words[0], "off", *words[2:])
    assert client.get("/").status_code == 200
    store.leave()


@pytest.mark.parametrize("page", ["move-from-django-maintenancemode.md", "move-from-django-maintenancemode-2.md"])
def test_the_test_case_of_the_page_as_often_as_it_runs(page):
    assert [pages.run(page) for _ in range(2)] == [(1, [])] * 2
    store.leave()


def test_one_command_closes_django_and_proves_it(backsoon, client, lock):
    assert client.get("/").status_code == 200
    receipt = backsoon("on", "--wait=20s")
    assert "confirmed" in receipt and "1 server" in receipt
    # Health paths and robots.txt are refused here, and it says nothing else.
    assert client.get("/robots.txt").status_code == 503 and "health paths" not in receipt and "robots.txt" not in receipt
    assert client.get("/").status_code == 503 and utils.status() is True
    backsoon("off", "--wait=20s")
    assert client.get("/").status_code == 200 and utils.status() is False
    # The state of the originals is not asked any more.
    lock.touch()
    Maintenance.objects.update(is_being_performed=True)
    assert client.get("/").status_code == 200


def test_activate_and_the_command_end_only_their_own_window(backsoon, client, url):
    assert client.get("/").status_code == 200
    utils.activate()
    eventually("closed", lambda: client.get("/").status_code == 503)
    backsoon("on")
    utils.deactivate()
    assert utils.status() and not store.is_switched()
    assert "succesfully" in said("maintenance", "on") and store.is_switched()
    assert f"windows of others: see `backsoon status --store {url}`" in said("maintenance", "off") and not store.is_switched()
    assert client.get("/").status_code == 503
    backsoon("off", "--wait=20s")
    assert client.get("/").status_code == 200


def test_a_site_is_switched_by_its_domain(backsoon, client):
    two = Site.objects.create(domain="two.example.com:8000").pk
    assert client.get("/").status_code == 200
    assert said("setmaintenance", "on", two) == f"Site {two} (two.example.com:8000) is now on\n"
    assert "two.example.com" in backsoon("status") and client.get("/").status_code == 200
    assert said("setmaintenance", "on", two) == f"Site {two} (two.example.com:8000) already on\n"
    assert said("setmaintenance", "on") == "Site 1 (example.com) is now on\n"
    # With a SITE_ID every request is one to that site, as with rows.
    eventually("closed", lambda: client.get("/", HTTP_HOST="testserver").status_code == 503)
    backsoon("on", "--site=example.com")
    said("setmaintenance", "off", 1, two)
    assert client.get("/").status_code == 503 and not store.is_switched("example.com")
    backsoon("off", "--site=example.com", "--wait=20s")
    assert client.get("/").status_code == 200


def test_by_host_where_no_setting_says_which_site(backsoon, client, given):
    given(SITE_ID=None)
    two = Site.objects.create(domain="two.example.com").pk
    assert client.get("/").status_code == 200
    said("setmaintenance", "on", two)
    eventually("closed", lambda: client.get("/", HTTP_HOST="two.example.com").status_code == 503)
    assert client.get("/", HTTP_HOST="example.com").status_code == 200
    given(USE_X_FORWARDED_HOST=True)
    assert client.get("/", HTTP_HOST="example.com", HTTP_X_FORWARDED_HOST="two.example.com").status_code == 503


def test_the_admin_switches_the_window(url, client, as_user):
    browser = as_user("root")
    row = Maintenance.objects.get()
    page = f"/admin/maintenancemode/maintenance/{row.pk}/change/"
    form = {"ignoredurl_set-TOTAL_FORMS": "0", "ignoredurl_set-INITIAL_FORMS": "0"}
    assert browser.post(page, {**form, "is_being_performed": "on"}).status_code == 302 and store.is_switched("example.com")
    store.switch(False, "example.com")
    assert b"checked" not in browser.get(page).content and b"icon-no" in browser.get("/admin/maintenancemode/maintenance/").content
    store.switch(True, "example.com")
    assert b"checked" in browser.get(page).content and b"icon-yes" in browser.get("/admin/maintenancemode/maintenance/").content
    assert browser.post(page, form).status_code == 302 and not store.is_switched("example.com")


def test_the_exceptions_are_those_of_all_settings(backsoon, client, given, as_user):
    given(IGNORE_URLS=["^/docs", "^/(?=contact)contact"], INTERNAL_IPS=["192.0.2.7"])
    Maintenance.objects.get().ignoredurl_set.create(pattern="^pages", description="x")
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    for path, status in (("/docs", 200), ("/contact", 200), ("/pages", 200), ("/admin/login/", 200), ("/", 503), ("/healthz", 503)):
        assert client.get(path).status_code == status, path
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200
    answers = lambda: [as_user(name).get("/").status_code for name in ("staff", "superuser", "ordinary")]  # noqa: E731
    assert answers() == [200, 200, 503]
    given(BLOCK_STAFF=True)
    as_user("staff").get("/")
    eventually("the new member is closed", lambda: client.get("/").status_code == 503)
    assert answers() == [503, 200, 503]


def test_patterns_of_the_admin_that_only_python_can_evaluate(backsoon, client, given):
    given(ADMIN_IGNORED_URLS=["^(?=docs)docs", "é"])
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    assert client.get("/docs").status_code == 200 and client.get("/é").status_code == 404 and client.get("/pages").status_code == 503


def refused():
    """How many requests windows have refused here."""
    return sum(tally["refused"] for tally in store.member().instance.report().get("tallies", []))


def test_a_refusal_is_counted_once_and_what_is_let_in_is_not(backsoon, client, given, as_user):
    given(IGNORE_URLS=["^/docs", "^/(?=contact)contact"], INTERNAL_IPS=["192.0.2.7"])
    Maintenance.objects.get().ignoredurl_set.create(pattern="^pages", description="x")
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    for path in ("/docs", "/contact", "/pages", "/admin/login/"):
        assert client.get(path).status_code == 200, path
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200 and as_user("staff").get("/").status_code == 200
    assert refused() == 0
    assert client.get("/").status_code == 503 and refused() == 1
    assert as_user("ordinary").get("/").status_code == 503 and refused() == 2


def test_a_refusal_is_counted_once_under_asgi(backsoon):
    async def view(request):
        return StreamingHttpResponse(iter([b"here"]))

    def ask():
        async def visit():
            return await MaintenanceModeMiddleware(view)(AsyncRequestFactory().get("/"))

        return asyncio.run(visit())

    assert ask().status_code == 200
    backsoon("on", "--wait=20s")
    assert ask().status_code == 503 and refused() == 1


def test_a_proxy_behind_a_unix_socket(backsoon, client, given):
    given(INTERNAL_IPS=["127.0.0.1", "192.0.2.7"], MAINTENANCE_TRUSTED_PROXIES=["127.0.0.1"])
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    for forwarded, status in (("192.0.2.7", 200), ("192.0.2.7, 8.8.8.8", 503)):
        assert client.get("/", REMOTE_ADDR="", HTTP_X_FORWARDED_FOR=forwarded).status_code == status
    given(MAINTENANCE_TRUSTED_PROXIES=[])
    client.get("/", REMOTE_ADDR="8.8.8.8")
    eventually("the new member is closed", lambda: client.get("/", REMOTE_ADDR="8.8.8.8").status_code == 503)
    # Whoever comes through a proxy that nobody trusts is not this machine.
    assert client.get("/", REMOTE_ADDR="", HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 503


def test_a_trusted_proxy(backsoon, client, given):
    given(INTERNAL_IPS=["192.0.2.7"], MAINTENANCE_TRUSTED_PROXIES=["10.0.0.1"])
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    for forwarded, status in (("192.0.2.7", 200), ("192.0.2.7, 8.8.8.8", 503)):
        assert client.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded).status_code == status
    assert client.get("/", REMOTE_ADDR="8.8.8.8", HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 503


def test_an_open_site_asks_no_database(url):
    door = MaintenanceModeMiddleware(lambda request: "here")
    assert door(RequestFactory().get("/")) == "here"
    with CaptureQueriesContext(connection) as asked:
        assert door(RequestFactory().get("/")) == "here"
    assert len(asked) == 0


def test_a_request_counts_until_its_last_byte(backsoon):
    def streamed(request):
        return StreamingHttpResponse(iter([b"first", b"last"]))

    response = MaintenanceModeMiddleware(streamed)(RequestFactory().get("/"))
    assert "1 earlier request" in backsoon("on", "--wait=1s", code=3)
    response.close()
    assert "confirmed" in backsoon("on", "--wait=20s")


def test_a_request_counts_until_its_last_byte_under_asgi(backsoon, monkeypatch):
    threads = []

    async def streamed(request):
        return StreamingHttpResponse(iter([b"first", b"last"]))

    async def ask():
        return await MaintenanceModeMiddleware(streamed)(AsyncRequestFactory().get("/"))

    asyncio.run(ask()).close()
    monkeypatch.setattr("backsoon.dropin.middleware.sync_to_async", threads.append)
    response = asyncio.run(ask())
    assert threads == [], "a member that is asked again takes no other thread"
    assert "1 earlier request" in backsoon("on", "--wait=1s", code=3)
    response.close()
    assert "confirmed" in backsoon("on", "--wait=20s")


def test_a_setting_that_closes_over_the_store_is_named_by_the_receipt(backsoon, client, given):
    given(MAINTENANCE_MODE=True, IGNORE_URLS=["^/docs"])
    assert client.get("/").status_code == 503 and client.get("/docs").status_code == 200
    assert "stays closed" in said("maintenance", "off")
    backsoon("on", "--wait=20s")
    assert "MAINTENANCE_MODE = True" in backsoon("off", "--wait=20s")


def test_a_database_that_is_down_changes_nothing(backsoon, client, monkeypatch, given):
    from django.db import OperationalError, connections

    assert client.get("/").status_code == 200

    def fail(*args, **kwargs):
        raise OperationalError("the server has gone away")

    backsoon("on", "--site=example.com", "--new-site", "--wait=20s")
    monkeypatch.setattr(type(connections["default"]), "cursor", fail)
    assert client.get("/").status_code == 503 and client.get("/admin/login/").status_code == 200


def test_a_store_that_is_away_is_an_error_of_the_command(given, tmp_path):
    (tmp_path / "file").touch()
    given(MAINTENANCE_STORE=f"file:{tmp_path}/file")
    with pytest.raises(CommandError, match="could not be closed"):
        said("maintenance", "on")
    with pytest.raises(CommandError, match="did not take it"):
        said("setmaintenance", "on")
    assert not Maintenance.objects.filter(is_being_performed=True)


def test_a_process_that_only_switches_is_no_member(backsoon):
    utils.activate()
    utils.deactivate()
    assert utils.status() is False
    assert " web " not in backsoon("fleet", "--once")


def test_a_pass_opens_a_closed_django(backsoon, client):
    assert client.get("/").status_code == 200
    backsoon("on", "--wait=20s")
    made = json.loads(backsoon("pass", "new", "--for", "Ann", "--to", "/shop/", "--json"))
    answer = client.get(made["path"], secure=True)
    assert (answer.status_code, answer["Location"]) == (303, "/shop/")
    cookie = answer["Set-Cookie"].partition(";")[0]
    inside = client.get("/", headers={"cookie": cookie})
    assert (inside.status_code, inside["Backsoon-Pass"]) == (200, made["id"])
    assert client.get("/").status_code == 503 and client.get(made["path"].replace("?", "0?")).status_code == 503
    backsoon("pass", "revoke", made["id"])
    eventually("revoked", lambda: client.get("/", headers={"cookie": cookie}).status_code == 503)


def test_a_store_that_is_away_is_a_message_in_the_admin(given, as_user):
    given(MAINTENANCE_STORE="redis://127.0.0.1:1/0")
    browser, row = as_user("root"), Maintenance.objects.get()
    form = {"ignoredurl_set-TOTAL_FORMS": "0", "ignoredurl_set-INITIAL_FORMS": "0", "is_being_performed": "on"}
    there = "/admin/maintenancemode/maintenance/"
    for page in (there, f"{there}{row.pk}/change/"):
        shown = browser.get(page)
        assert shown.status_code == 200 and shown.content.count(b"The store cannot be read: ") == 1, page
        assert b"127.0.0.1:1" in shown.content
    shown = browser.post(f"{there}{row.pk}/change/", form, follow=True)
    assert shown.status_code == 200 and b"The store did not take it: " in shown.content and b"changed successfully" not in shown.content


def test_a_row_that_is_rolled_back_switches_nothing(url):
    row = Maintenance.objects.get()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        row.is_being_performed = True
        row.save()
        1 / 0
    assert not store.switched()
    with transaction.atomic():
        row.save()
        assert not store.switched()
    assert store.switched() == {"example.com"}


def test_what_setmaintenance_says_has_happened(given):
    given(MAINTENANCE_STORE="redis://127.0.0.1:1/0")
    err = io.StringIO()
    with pytest.raises(CommandError, match="127.0.0.1:1"):
        call_command("setmaintenance", "on", stderr=err)
    assert err.getvalue() == "" and not Maintenance.objects.get().is_being_performed


def test_a_site_that_is_closed_stays_so_under_another_domain(backsoon, client):
    two = Site.objects.create(domain="two.example.com:8000")
    said("setmaintenance", "on", two.pk)
    for domain in ("three.example.com", "four.example.com", "four.example.com:8000", "three.example.com"):
        two.domain = domain
        two.save()
        assert store.named(domain) in store.switched()
    # Processes that know the site by its old domain go on refusing until it is opened.
    for domain in ("two.example.com", "three.example.com", "four.example.com"):
        assert store.control(store.url()).mode(domain) == "on", domain
    assert said("setmaintenance", "off", two.pk) == f"Site {two.pk} (three.example.com) is now off\n"
    for domain in ("two.example.com", "three.example.com", "four.example.com"):
        assert store.control(store.url()).mode(domain) == "off", domain
    two.domain = "five.example.com"
    two.save()
    assert not store.switched()


def test_what_said_closed_before_there_was_a_store(given, url, lock):
    told = lambda: [message for message in run_checks() if message.id == "maintenancemode.W007"]  # noqa: E731
    Maintenance.objects.update(is_being_performed=True)
    lock.touch()
    by_row, by_file = sorted(told(), key=lambda message: message.msg, reverse=True)
    assert "row of example.com" in by_row.msg and "setmaintenance off 1" in by_row.hint and str(lock) in by_file.msg + by_file.hint
    said("setmaintenance", "off")
    assert told() == [by_file]
    lock.unlink()
    assert told() == []
    Maintenance.objects.update(is_being_performed=True)
    # It is closed by the store as well.
    said("setmaintenance", "on")
    assert told() == []
    given(MAINTENANCE_STORE=None)
    said("setmaintenance", "on")
    assert told() == []
