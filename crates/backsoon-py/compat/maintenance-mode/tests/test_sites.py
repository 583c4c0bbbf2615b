"""What sites rely on, as seen in real projects."""

import asyncio
import importlib
import logging
import os
import re
import subprocess
import sys
from unittest import mock

import django
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import set_script_prefix
from django.utils.functional import lazy
from maintenance_mode.core import get_maintenance_mode, get_maintenance_mode_backend, set_maintenance_mode
from maintenance_mode.backends import LocalFileBackend
from maintenance_mode.http import get_maintenance_response, need_maintenance_response
from maintenance_mode.middleware import MaintenanceModeMiddleware


def test_settings_assigned_without_a_signal(client, on, monkeypatch):
    assert client.get("/pages/").status_code == 503
    for name, value in (("IGNORE_URLS", ["/pages/"]), ("IGNORE_IP_ADDRESSES", ["127.0.0.1"]), ("MAINTENANCE_MODE", False)):
        name = name if name == "MAINTENANCE_MODE" else f"MAINTENANCE_MODE_{name}"
        before = getattr(settings, name)
        setattr(settings, name, value)
        assert client.get("/pages/").status_code == 200, name
        setattr(settings, name, before)
        assert client.get("/pages/").status_code == 503, name


@pytest.mark.parametrize("setting, entry", [("MAINTENANCE_MODE_IGNORE_URLS", "/pages/"), ("MAINTENANCE_MODE_IGNORE_IP_ADDRESSES", "127.0.0.1")])
def test_lists_changed_in_place(setting, entry, client, on, monkeypatch):
    entries = []
    monkeypatch.setattr(settings, setting, entries)
    for _ in range(2):
        assert client.get("/pages/").status_code == 503
        entries.append(entry)
        assert client.get("/pages/").status_code == 200
        entries[0] = "/nowhere/" if "URLS" in setting else "192.0.2.1"
        assert client.get("/pages/").status_code == 503
        entries.clear()


def test_a_state_rewritten_within_one_tick_of_the_clock(state, client):
    state.write_text("0")
    when = os.stat(state)
    for turn in range(300):
        with open(state, "r+") as file:
            file.write(str(turn % 2))
        os.utime(state, ns=(when.st_atime_ns, when.st_mtime_ns))
        assert client.get("/").status_code == (503 if turn % 2 else 200), turn


class Staying(MaintenanceModeMiddleware):
    """A site's own subclass."""

    def process_request(self, request):
        if request.META.get("HTTP_X_BUILD"):
            return HttpResponse("built", status=218)
        return super().process_request(request)


@pytest.mark.parametrize("face", [Client, AsyncClient])
def test_a_subclass_that_overrides_process_request(face, given, on):
    given(MIDDLEWARE=["test_sites.Staying"])
    browser = face()

    def get(**more):
        sent = {"headers": {"x-build": "1"}} if more else {}
        answer = browser.get("/", **sent)
        return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer

    assert get().status_code == 503 and get(build=1).status_code == 218
    set_maintenance_mode(False)
    assert get().status_code == 200 and get(build=1).status_code == 218


class Timed(MaintenanceModeMiddleware):
    """One with a beginning and a call of its own."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = super().__call__(request)
        response["X-Timed"] = "yes"
        return response


@pytest.mark.parametrize("face", [lambda path: Client().get(path), lambda path: aget(path)])
def test_a_subclass_with_a_call_of_its_own(face, given, on):
    given(MIDDLEWARE=["test_sites.Timed"])
    for mode, status in ((True, 503), (False, 200)):
        set_maintenance_mode(mode)
        answer = face("/")
        assert answer.status_code == status and answer["X-Timed"] == "yes"


def test_a_middleware_without_get_response(request_to, on):
    assert MaintenanceModeMiddleware().process_request(request_to("/")).status_code == 503


def test_names_that_code_imports(request_to, on):
    assert need_maintenance_response(request_to("/")) and get_maintenance_response(request_to("/")).status_code == 503
    from maintenance_mode.http import _get_maintenance_authenticated_user, _need_maintenance_ignore_urls

    assert _need_maintenance_ignore_urls(request_to("/")) is None and _get_maintenance_authenticated_user(request_to("/")) is None
    LocalFileBackend().set_value(False)
    assert get_maintenance_mode() is False


def test_a_backend_with_extra_arguments(given):
    given(STATE_BACKEND="test_state.InTheClass")
    made = type(get_maintenance_mode_backend())("one", named="other")
    assert made.named == "other" and get_maintenance_mode_backend().named == "default"


def test_the_package_can_be_loaded_again(client, on):
    client.get("/")
    names = [name for name in sys.modules if name == "maintenance_mode" or name.startswith("maintenance_mode.")]
    for name in ("maintenance_mode", "maintenance_mode.settings", "maintenance_mode.decorators"):
        assert name in names
        importlib.reload(sys.modules[name])
    assert client.get("/").status_code == 503 and client.get("/opened/").status_code == 200


def test_the_filter_of_logs_needs_no_app_registry():
    code = (
        "from django.conf import settings; settings.configure(LOGGING={'version': 1, 'filters': {'f': {'()': "
        "'maintenance_mode.logging.RequireNotMaintenanceMode503'}}, 'handlers': {'h': {'class': 'logging.StreamHandler', "
        "'filters': ['f']}}}, INSTALLED_APPS=['maintenance_mode'], MAINTENANCE_MODE=True); import django; django.setup(); "
        "import logging; from maintenance_mode.logging import RequireNotMaintenanceMode503 as F; "
        "r = logging.makeLogRecord({'status_code': 503}); print(F().filter(r))"
    )
    bare = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=bare)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize("value, status", [(0, 200), (1, 503)])
def test_the_mode_as_a_number(value, status, given, client):
    given(MAINTENANCE_MODE=value)
    assert client.get("/").status_code == status and get_maintenance_mode() == value


@pytest.mark.parametrize("empty", [{}, (), [], set(), None, ""])
def test_empty_lists_of_any_kind(empty, given, client, on):
    given(IGNORE_URLS=empty, IGNORE_IP_ADDRESSES=empty)
    assert client.get("/").status_code == 503


def test_lazy_strings_are_read_with_each_request(given, client, on):
    where = ["/pages/"]
    given(IGNORE_URLS=[lazy(lambda: where[0], str)()])
    assert client.get("/pages/").status_code == 200
    where[0] = "/other/"
    assert client.get("/pages/").status_code == 503


def test_compiled_patterns_and_patterns_of_python(given, client, on):
    given(IGNORE_URLS=[re.compile("/pages/a$", re.I), r"/pages/(?!secret)b", re.compile(r"/pages/\d+", re.ASCII)])
    for path, status in (("/pages/A", 200), ("/pages/b", 200), ("/pages/12", 200), ("/pages/secret", 503), ("/pages/c", 503)):
        assert client.get(path).status_code == status, path


def test_a_relative_path_of_the_state(given, tmp_path, monkeypatch, client):
    monkeypatch.chdir(tmp_path)
    given(STATE_FILE_PATH="./state/../own.txt")
    (tmp_path / "state").mkdir()
    set_maintenance_mode(True)
    assert client.get("/").status_code == 503 and (tmp_path / "own.txt").read_text() == "1"


def test_loaders_set_by_hand(given, client, on):
    options = {"loaders": ["django.template.loaders.app_directories.Loader"]}
    given(TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": options}])
    assert client.get("/").content == b"django-maintenance-mode\n"


def test_own_copies_of_the_views(request_to):
    from maintenance_mode.core import set_maintenance_mode

    def ours(request):
        set_maintenance_mode(request.path == "/on")
        return HttpResponse()

    ours(request_to("/on"))
    assert get_maintenance_mode() is True
    ours(request_to("/off"))
    assert get_maintenance_mode() is False


def test_a_process_that_starts_while_the_site_is_closed(state):
    state.write_text("1")
    code = (
        f"import django; django.setup(); from django.conf import settings; settings.MAINTENANCE_MODE_STATE_FILE_PATH = {str(state)!r};"
        "from django.test import Client; print([Client().get(path).status_code for path in ('/opened/', '/', '/closed/')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.path.dirname(__file__))
    assert done.stdout == "[200, 503, 503]\n", done.stderr


def by_async_client(path):
    return asyncio.run(AsyncClient().get(path))


def by_client(path):
    return Client().get(path)


@pytest.mark.parametrize("get", [by_client, by_async_client])
@pytest.mark.parametrize("name", ["middleware.need_maintenance_response", "http.get_maintenance_mode", "backends.LocalFileBackend.get_value"])
@pytest.mark.parametrize("store", [False, True])
def test_names_replaced_in_tests_close_the_site(store, name, get, given, tmp_path):
    if store and "backends" not in name:
        given(STORE=f"file:{tmp_path}/store")
    with mock.patch(f"maintenance_mode.{name}", return_value=True):
        assert get("/").status_code == 503
    assert get("/").status_code == 200


STEPS = {
    "_need_maintenance_from_view": "/", "_need_maintenance_from_url": "/", "_need_maintenance_ignore_users": "/",
    "_need_maintenance_ignore_admin_site": "/", "_need_maintenance_ignore_tests": "/",
    "_need_maintenance_ignore_ip_addresses": "/", "_need_maintenance_ignore_urls": "/", "_need_maintenance_redirects": "/",
}


@pytest.mark.parametrize("get", [by_client, by_async_client])
@pytest.mark.parametrize("name", STEPS)
def test_names_replaced_in_tests_open_and_close(name, get, given, on):
    given(IGNORE_URLS=["^/pages/"])
    where = f"maintenance_mode.http.{name}"
    with mock.patch(where, return_value=False):
        assert get("/").status_code == 200
    with mock.patch(where, return_value=None):
        assert get("/").status_code == 503 and get("/opened/").status_code == (503 if "from_view" in name else 200)
        assert get("/pages/").status_code == (503 if "ignore_urls" in name else 200)
    with mock.patch(where, return_value=True):
        assert get("/pages/").status_code == 503 or "redirects" in name
    assert get("/").status_code == 503 and get("/pages/").status_code == 200


def test_names_replaced_in_tests_say_the_address(client, given, on):
    given(IGNORE_IP_ADDRESSES=["192.0.2.7"])
    with mock.patch("maintenance_mode.http.get_client_ip_address", return_value="192.0.2.7") as find:
        assert client.get("/").status_code == 200 and find.call_count == 1
    given(IGNORE_IP_ADDRESSES=["127.0.0.1"])
    with mock.patch("maintenance_mode.http.get_client_ip_address", return_value="192.0.2.7"):
        assert client.get("/").status_code == 503
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("kind", ["html", "json"])
def test_names_replaced_in_tests_make_the_answer(kind, client, given, on):
    given(RESPONSE_TYPE=kind, TEMPLATE="own.html")
    for name in (f"http.get_maintenance_{kind}_response", "middleware.get_maintenance_response"):
        with mock.patch(f"maintenance_mode.{name}", side_effect=lambda request: HttpResponse("mine", status=503)):
            assert client.get("/").content == b"mine", name
    with mock.patch("maintenance_mode.http.get_maintenance_response_context", return_value={"reason": "mine"}):
        assert b"mine" in client.get("/").content
    with mock.patch("maintenance_mode.http.get_maintenance_response_type", return_value={"html": "json", "json": "html"}[kind]):
        assert ("json" in client.get("/")["Content-Type"]) == (kind == "html")


def test_names_replaced_in_tests_of_templates_and_logs(client, request_to):
    from maintenance_mode.logging import RequireNotMaintenanceMode503

    record = logging.makeLogRecord({"status_code": 503})
    with mock.patch("maintenance_mode.context_processors.get_maintenance_mode", return_value=True):
        assert client.get("/banner/").content == b"True\n"
    with mock.patch("maintenance_mode.logging.get_maintenance_mode", return_value=True):
        assert not RequireNotMaintenanceMode503().filter(record)
    assert client.get("/banner/").content == b"False\n" and RequireNotMaintenanceMode503().filter(record)


@pytest.mark.parametrize("module", ["core", "http", "backends"])
def test_names_replaced_in_tests_of_settings(module, client):
    with mock.patch(f"maintenance_mode.{module}.settings.MAINTENANCE_MODE", True):
        assert client.get("/").status_code == 503
    assert client.get("/").status_code == 200


# === async (W-22) ===


def aget(path, **headers):
    return asyncio.run(AsyncClient().get(path, headers=headers))


@pytest.mark.parametrize("face", [aget, lambda path: Client().get(path)])
def test_w22_async_views_may_be_marked(face, on):
    for path, status in (("/aopened/", 200), ("/opened/", 200), ("/aclosed/", 503), ("/aclosed-class/", 503), ("/", 503)):
        assert face(path).status_code == status, path
    set_maintenance_mode(False)
    for path, status in (("/aopened/", 200), ("/aclosed/", 503), ("/aclosed-class/", 503), ("/", 200)):
        assert face(path).status_code == status, path


def test_w22_the_middleware_is_async(given):
    from asgiref.sync import iscoroutinefunction

    async def inner(request):
        return HttpResponse("here")

    assert iscoroutinefunction(MaintenanceModeMiddleware(inner)) and not iscoroutinefunction(MaintenanceModeMiddleware())
    assert MaintenanceModeMiddleware.async_capable and MaintenanceModeMiddleware.sync_capable


def test_w22_an_open_site_takes_no_other_thread(given, monkeypatch, request_to):
    """Neither with the file nor with the setting."""
    import maintenance_mode.middleware as module

    def no_thread(*_, **__):
        raise AssertionError("another thread")

    async def inner(request):
        return HttpResponse("here")

    monkeypatch.setattr(module, "sync_to_async", no_thread)
    middleware = MaintenanceModeMiddleware(inner)
    assert asyncio.iscoroutinefunction(middleware.process_view)  # As Django looks for it.
    for value in (None, False):
        given(MAINTENANCE_MODE=value)
        assert asyncio.run(middleware(request_to("/"))).content == b"here"


def test_w22_users_and_paths_under_asgi(given, on):
    given(IGNORE_URLS=["/pages/"], IGNORE_STAFF=True)
    assert asyncio.run(status_from_scope("/pages/Grüße", b"/pages/Gr%C3%BC%C3%9Fe")) == 200
    assert asyncio.run(status_from_scope("/pages/7", b"/pages/7")) == 200
    assert asyncio.run(status_from_scope("/app/pages/7", b"/app/pages/7", root_path="/app")) == 200
    assert asyncio.run(status_from_scope("/pages/7", b"/pages%2f7")) == 503
    assert asyncio.run(status_from_scope("/", b"/")) == 503


async def status_from_scope(path, raw_path, root_path=""):
    """As servers hand over a path: decoded, and as sent."""
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": raw_path, "root_path": root_path, "query_string": b"", "headers": [(b"host", b"testserver")]}
    sent, asked = [], []

    async def receive():
        if asked:
            await asyncio.Event().wait()
        asked.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    try:
        await ASGIHandler()(scope, receive, send)
    finally:
        set_script_prefix("/")
    return sent[0]["status"]
