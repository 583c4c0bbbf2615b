"""What sites rely on."""

import asyncio
import importlib
import re
import threading
from unittest import mock

import pytest
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.db import connection
from django.test import AsyncClient, AsyncRequestFactory, Client, RequestFactory
from django.utils.functional import lazystr
from maintenancemode.middleware import MaintenanceModeMiddleware


@pytest.fixture
def mode(given):
    given(MAINTENANCE_MODE=True)


def test_settings_assigned_without_a_signal(client):
    for value in (True, False):
        settings.MAINTENANCE_MODE = value
        assert client.get("/").status_code == (503 if value else 200)


def test_settings_that_are_deleted_are_the_default_again(client):
    for name in ("MAINTENANCE_MODE", "MAINTENANCE_STORE", "MAINTENANCE_ADMIN_IGNORED_URLS"):
        setattr(settings, name, getattr(settings, name))
        delattr(settings, name)
    assert client.get("/").status_code == 200
    settings.MAINTENANCE_MODE = True
    assert client.get("/").status_code == 503
    del settings.MAINTENANCE_MODE
    assert client.get("/").status_code == 200 and settings.MAINTENANCE_MODE is False


def test_lists_changed_in_place(mode, closed, client, given):
    urls, admin, addresses = [], ["^admin"], []
    given(IGNORE_URLS=urls, ADMIN_IGNORED_URLS=admin, INTERNAL_IPS=addresses)
    assert client.get("/docs").status_code == 503
    urls.append("^/docs")
    assert client.get("/docs").status_code == 503
    admin.append("^docs")
    assert client.get("/docs").status_code == 200
    urls.clear()
    assert client.get("/docs").status_code == 503
    addresses.append("127.0.0.1")
    assert client.get("/").status_code == 200


def test_a_subclass_that_overrides_process_request(mode, client):
    class Own(MaintenanceModeMiddleware):
        def process_request(self, request):
            return None if request.path == "/own" else super().process_request(request)

    door = Own(lambda request: "here")
    assert door(RequestFactory().get("/own")) == "here" and door(RequestFactory().get("/")).status_code == 503


def test_a_subclass_that_overrides_process_request_under_asgi(mode):
    class Own(MaintenanceModeMiddleware):
        def process_request(self, request):
            assert threading.current_thread() is not serving
            return None if request.path == "/own" else super().process_request(request)

    async def here(request):
        return "here"

    async def ask(path):
        nonlocal serving
        serving = threading.current_thread()
        return await Own(here)(AsyncRequestFactory().get(path))

    serving = None
    assert asyncio.run(ask("/own")) == "here" and asyncio.run(ask("/")).status_code == 503


def test_a_middleware_without_get_response(mode):
    assert MaintenanceModeMiddleware()(RequestFactory().get("/")).status_code == 503
    assert MaintenanceModeMiddleware().process_request(RequestFactory().get("/")).status_code == 503


def by_async_client(path):
    return asyncio.run(AsyncClient().get(path))


def by_client(path):
    return Client().get(path)


@pytest.mark.parametrize("get", [by_client, by_async_client])
@pytest.mark.parametrize("name", ["utils.status", "middleware.maintenance.status", "utils.settings.settings.MAINTENANCE_MODE", "middleware.settings.MAINTENANCE_MODE"])
@pytest.mark.parametrize("has_store", [False, True])
def test_names_replaced_in_tests_close_the_site(has_store, name, get, given, tmp_path):
    from maintenancemode import store

    given(MAINTENANCE_STORE=f"file:{tmp_path}/store" if has_store else None)
    assert get("/").status_code == 200
    with mock.patch(f"maintenancemode.{name}", **({"return_value": True} if "status" in name else {"new": True})):
        assert get("/").status_code == 503 and get("/admin/login/").status_code == (200 if has_store and "settings" in name else 503)
    assert get("/").status_code == 200
    store.leave()


def test_names_replaced_in_tests_open_urls(mode, client):
    with mock.patch("maintenancemode.middleware.IGNORE_URLS", (re.compile("^/docs"),)):
        assert client.get("/docs").status_code == 200 and client.get("/").status_code == 503
    assert client.get("/docs").status_code == 503


def test_names_replaced_in_tests_of_the_row(closed, client, as_user):
    with mock.patch("maintenancemode.middleware.MAINTENANCE_BLOCK_STAFF", True):
        assert as_user("staff").get("/").status_code == 503
    assert as_user("staff").get("/").status_code == 200
    with mock.patch("maintenancemode.middleware.MAINTENANCE_ADMIN_IGNORED_URLS", ["^docs"]):
        assert client.get("/docs").status_code == 200 and client.get("/admin/login/").status_code == 503
    assert client.get("/docs").status_code == 503 and client.get("/admin/login/").status_code == 200
    before = client.get("/").content
    with mock.patch("maintenancemode.views.defaults.MAINTENANCE_503_TEMPLATE", "own.html"):
        assert client.get("/").content != before
    assert client.get("/").content == before


def test_names_that_code_imports():
    for name in ("conf.settings", "conf.urls.defaults.handler503", "http.HttpResponseTemporaryUnavailable", "views.temporary_unavailable",
                 "views.defaults.temporary_unavailable", "utils.IPList", "utils.activate", "utils.deactivate", "utils.status", "utils.settings.DJANGO_VERSION",
                 "utils.settings.MAINTENANCE_BLOCK_STAFF", "middleware.IGNORE_URLS", "middleware.MAINTENANCE_ADMIN_IGNORED_URLS", "middleware.MAINTENANCE_BLOCK_STAFF",
                 "models.populate", "admin.IgnoredURLInline", "admin.MaintenanceAdmin", "get_version", "__version__"):
        module, _, last = f"maintenancemode.{name}".rpartition(".")
        assert hasattr(importlib.import_module(module), last), name
    with pytest.raises(AttributeError):
        importlib.import_module("maintenancemode.middleware").nothing


@pytest.mark.parametrize("empty", [(), [], {}, None, ""])
def test_empty_lists_of_any_kind(empty, mode, closed, client, given):
    given(IGNORE_URLS=empty, ADMIN_IGNORED_URLS=empty, INTERNAL_IPS=empty)
    assert client.get("/").status_code == 503 and client.get("/admin/login/").status_code == 503


def test_patterns_of_python(mode, closed, client, given):
    given(IGNORE_URLS=[re.compile("^/DOCS", re.I), lazystr("^/pages"), r"^/(?=contact)contact"], ADMIN_IGNORED_URLS=[re.compile("^DOCS", re.I), lazystr("^pages"), r"^(?=contact)contact"])
    for path, status in (("/docs", 200), ("/pages", 200), ("/contact", 200), ("/", 503)):
        assert client.get(path).status_code == status, path


@pytest.mark.parametrize("pattern", ["^é", "é", r"\w+/$", "^", "$", r"^\w", "docs$|^pages", "(^docs)", ".", "", "d*ocs", "^^docs", "^?docs"])
@pytest.mark.parametrize("path", ["/", "/é", "/docs", "/docs/", "/pages", "/xdocs", "/٣/"])
def test_a_row_says_what_python_says(pattern, path, closed, given):
    given(ADMIN_IGNORED_URLS=[pattern])
    try:
        matches = re.match(pattern, path.lstrip("/")) is not None
    except re.error:
        matches = False
    request = RequestFactory().get("/")
    request.path_info = path
    assert (MaintenanceModeMiddleware(lambda request: None).process_request(request) is None) == matches


@pytest.mark.parametrize("pattern", ["^admin", "^ignored-page/$", "pages", "", r"^docs/\d+/$", "^a|b"])
def test_what_sites_write_is_a_rule_of_the_core(pattern):
    from maintenancemode import rules

    found = rules.of_patterns((pattern,))
    assert len(found.paths) == 1 and found.patterns == []


# === ASGI ===


def test_w22_the_middleware_is_async():
    async def here(request):
        return "here"

    assert iscoroutinefunction(MaintenanceModeMiddleware(here)) and not iscoroutinefunction(MaintenanceModeMiddleware(lambda request: None))


def test_w22_under_asgi(closed, as_user, given, lock):
    async def ask(path="/", **fields):
        return (await AsyncClient(**fields).get(path)).status_code

    assert asyncio.run(ask("/async/")) == 503 and asyncio.run(ask("/admin/login/")) == 200
    closed.is_being_performed = False
    closed.save()
    assert asyncio.run(ask("/async/")) == 200
    lock.touch()
    assert asyncio.run(ask("/async/")) == 503

    async def staff():
        browser = AsyncClient()
        browser.cookies = as_cookies
        return (await browser.get("/async/")).status_code

    as_cookies = as_user("staff").cookies
    assert asyncio.run(staff()) == 200


def test_w22_an_open_site_without_rows_takes_no_other_thread(monkeypatch, lock):
    from maintenancemode import row

    monkeypatch.setattr(row, "is_there", lambda: False)
    seen = []

    async def here(request):
        return "here"

    monkeypatch.setattr("backsoon.dropin.middleware.sync_to_async", lambda call: seen.append(call) or _now(call))
    assert asyncio.run(MaintenanceModeMiddleware(here)(AsyncRequestFactory().get("/"))) == "here" and seen == []
    lock.touch()
    assert asyncio.run(MaintenanceModeMiddleware(here)(AsyncRequestFactory().get("/"))).status_code == 503 and len(seen) == 1


def _now(call):
    async def now(*args):
        return call(*args)

    return now


def test_threads(closed):
    answers = []
    crowd = [threading.Thread(target=lambda: answers.append(_of_a_thread())) for _ in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert answers == [503] * 8


def _of_a_thread():
    try:
        return MaintenanceModeMiddleware(lambda request: None).process_request(RequestFactory().get("/")).status_code
    finally:
        connection.close()


def test_one_request_can_be_timed_alone():
    assert MaintenanceModeMiddleware(lambda request: "here")(RequestFactory().get("/")) == "here"
    assert Client().get("/").status_code == 200
