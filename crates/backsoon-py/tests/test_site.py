"""A site that follows a real store: closing, marks, users, the log, streams, forks."""

import logging
import threading

import django
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import translation
from faces import asgi, asgi_within, environ, wsgi
from waiting import eventually

import backsoon as library
from backsoon.django import context, maintenance
from backsoon.django.conf import Conf

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
FACES = [(wsgi, WSGIHandler), (asgi, ASGIHandler)]


@pytest.mark.parametrize("face, handler", FACES)
def test_one_command_closes_the_site_and_another_reopens_it(face, handler, site, backsoon):
    site()
    door = handler()
    assert face(door).status == 200
    said = backsoon("on", "--wait", "--message", "We are moving house.")
    assert "confirmed" in said and "1 server" in said, said
    closed = face(door)
    assert closed.status == 503 and b"We are moving house." in closed.body
    assert dict(closed.headers)["cache-control"] == "no-store"
    backsoon("off", "--wait")
    eventually("it is open", lambda: face(door).status == 200)


@pytest.mark.parametrize("face, handler", FACES)
def test_marks_on_views_decide(face, handler, site, backsoon):
    site()
    door = handler()
    assert face(door, path="/closed/").status == 503
    assert face(door, path="/aclosed/").status == 503
    backsoon("on", "--wait")
    for path in ("/open/", "/aopen/", "/class/"):
        assert face(door, path=path).status == 200, path
    assert face(door, path="/other/").status == 503
    assert face(door, path="/nowhere%2f../open/").status == 503


SHUT = ["", "below/", "own/", "async/", "async/below/", "clothes/", "async/clothes/"]


@pytest.mark.parametrize("face, handler", FACES)
@pytest.mark.parametrize("rest", SHUT)
def test_what_is_always_closed_refuses_by_itself_where_the_mark_is_hidden(face, handler, rest, site):
    site(TEMPLATE="closed.html")
    answer = face(handler(), path=f"/shut/{rest}", headers=[("accept", "text/html")])
    assert answer.status == 503 and b"<h1>" in answer.body, answer
    assert "retry-after" in dict(answer.headers) or dict(answer.headers)["cache-control"] == "no-store"


@pytest.mark.parametrize("face, handler", FACES)
@pytest.mark.parametrize("path", ["/reopened/", "/reopened/class/", "/class/", "/class/below/"])
def test_the_outermost_mark_counts_and_those_below_inherit_it(face, handler, path, site, backsoon):
    site()
    door = handler()
    assert face(door, path=path).status == 200
    backsoon("on", "--wait")
    assert face(door, path=path).status == 200 and face(door).status == 503


@pytest.mark.parametrize("face, handler", FACES)
def test_a_database_that_is_down_gives_the_page(face, handler, site, backsoon):
    # The table of sessions was never made, so asking for the user fails.
    site(RULES=[{"name": "staff", "then": "open", "when": {"user": "staff"}}])
    door = handler()
    assert face(door).status == 200
    backsoon("on", "--wait")
    cookie = [("cookie", "sessionid=abcdefghijklmnopqrstuvwxyz012345")]
    assert face(door, headers=cookie).status == 503


@pytest.mark.parametrize("face, handler", FACES)
def test_whoever_a_callable_knows_is_let_in(face, handler, site, backsoon):
    class Staff:
        is_authenticated = is_active = is_staff = True
        is_superuser = False

    def by_token(request):
        return Staff() if request.META.get("HTTP_AUTHORIZATION") == "Bearer staff" else None

    async def by_token_too(request):
        return by_token(request)

    for find in (by_token, by_token_too):
        site(RULES=[{"name": "staff", "then": "open", "when": {"user": "staff"}}], USER=find)
        door = handler()
        assert face(door).status in (200, 503)
        backsoon("on", "--wait")
        assert face(door, headers=[("authorization", "Bearer staff")]).status == 200
        assert face(door, headers=[("authorization", "Bearer other")]).status == 503


def test_a_request_counts_until_its_last_byte(site, backsoon, tmp_path):
    site()
    door = WSGIHandler()
    started, go = tmp_path / "started", tmp_path / "go"
    wsgi(door)
    path = f"/streamed/?started={started}&go={go}"
    response = door(environ(path=path), lambda status, headers, exc_info=None: None)
    parts = iter(response)
    assert next(parts) == b"first"
    assert "1 earlier request" in backsoon("on", "--wait=1s", code=3)
    go.touch()
    assert b"".join(parts) == b"last"
    # The last byte was made; only the server knows that it has gone.
    assert "1 earlier request" in backsoon("on", "--wait=1s", code=3)
    response.close()
    assert "confirmed" in backsoon("on", "--wait=20s")


def test_an_asgi_stream_counts_until_its_last_byte(site, backsoon, tmp_path):
    import asyncio

    site()
    door = ASGIHandler()
    started, go = tmp_path / "started", tmp_path / "go"

    async def visit():
        running = asyncio.create_task(asgi_within(door, path=f"/astreamed/?started={started}&go={go}"))
        await asyncio.to_thread(eventually, "it runs", started.exists)
        said = await asyncio.to_thread(backsoon, "on", "--wait=1s", code=3)
        assert "1 earlier request" in said, said
        go.touch()
        assert (await running).body == b"firstlast"
        assert "confirmed" in await asyncio.to_thread(backsoon, "on", "--wait=20s")

    asyncio.run(visit())


def test_a_view_that_runs_is_waited_for_and_may_end(site, backsoon, tmp_path):
    site()
    door = WSGIHandler()
    wsgi(door)
    started, go = tmp_path / "started", tmp_path / "go"
    answers = []
    path = f"/slow/?started={started}&go={go}"
    running = threading.Thread(target=lambda: answers.append(wsgi(door, path=path)))
    running.start()
    eventually("it runs", started.exists)
    said = backsoon("on", "--wait=1s", code=3)
    assert "GET /slow/" in said, said
    go.touch()
    running.join()
    assert answers[0].status == 200
    backsoon("on", "--wait=20s")


def test_an_asgi_site_lets_visitors_wait(site, backsoon):
    import asyncio

    site()
    door = ASGIHandler()

    async def visit():
        assert (await asgi_within(door)).status == 200
        await asyncio.to_thread(backsoon, "on", "--hold", "--wait")
        held = asyncio.create_task(asgi_within(door))
        await asyncio.to_thread(eventually, "it waits", lambda: context.MEMBERS[-1].report()["held"] == 1)
        if django.VERSION >= (5,):  # Before that Django does not notice that a visitor has gone.
            goes = asyncio.Event()
            gone = asyncio.create_task(asgi_within(door, gone=goes))
            await asyncio.to_thread(eventually, "two wait", lambda: context.MEMBERS[-1].report()["held"] == 2)
            goes.set()
            assert await gone is None
            await asyncio.to_thread(eventually, "one has gone", lambda: context.MEMBERS[-1].report()["held"] == 1)
        await asyncio.to_thread(backsoon, "off")
        return await held

    assert asyncio.run(visit()).status == 200


def test_a_wsgi_worker_refuses_instead_of_waiting_and_says_so(site, backsoon):
    site()
    door = WSGIHandler()
    wsgi(door)
    backsoon("on", "--hold", "--wait")
    assert wsgi(door).status == 503
    assert context.MEMBERS[-1].report()["holding"] == "refuses"


def test_a_block_closes_and_ends_its_own_window_only(site, backsoon):
    site()
    door = WSGIHandler()
    assert wsgi(door).status == 200

    @maintenance(message="We are importing.")
    def work():
        eventually("it is closed", lambda: wsgi(door).status == 503)
        assert b"We are importing." in wsgi(door).body
        backsoon("on", "--note", "an operator's own")
        raise RuntimeError("oh")

    with pytest.raises(RuntimeError):
        work()
    windows = library.Control(site.store, "test").read()
    assert "an operator's own" in windows and "We are importing." not in windows
    assert wsgi(door).status == 503


def test_an_async_block_closes_too(site, backsoon):
    import asyncio

    site()

    async def work():
        async with maintenance("shop.example.com", message="We are importing."):
            return library.Control(site.store, "test").read()

    assert "We are importing." in asyncio.run(work())
    assert "We are importing." not in library.Control(site.store, "test").read()


@pytest.mark.parametrize("face, handler", FACES)
def test_one_host_of_several(face, handler, site, backsoon):
    site()
    door = handler()
    face(door)
    backsoon("on", "--wait", "--new-site", "--site", "a.example.com")
    assert face(door, host="a.example.com").status == 503
    assert face(door, host="A.example.com:443").status == 503
    assert face(door, host="b.example.com").status == 200


@pytest.mark.parametrize("face, handler", FACES)
def test_marks_are_found_below_a_language_and_for_a_tenant(face, handler, site, backsoon):
    site()
    ours = "backsoon.django.middleware.MaintenanceMiddleware"
    with override_settings(MIDDLEWARE=["shop.tenant.Middleware", ours]):
        tenant = handler()
    door = handler()
    face(door), face(tenant)
    backsoon("on", "--wait")
    translation.deactivate()  # Django leaves a thread in the language of its last request.
    assert face(door, path="/en-us/hook/").status == 200
    for order in ([ours, LOCALE], [LOCALE, ours]):
        with override_settings(MIDDLEWARE=order):
            assert face(handler(), path="/de/hook/").status == 200
            assert face(handler(), path="/de/other/").status == 503
    assert face(door, path="/tenant/").status == 503
    assert face(tenant, path="/tenant/").status == 200
    assert face(tenant, path="/open/").status == 503


def test_nobody_reads_session_or_user_without_a_rule_that_asks(site, backsoon, monkeypatch):
    from django.contrib.sessions.backends.db import SessionStore

    def read(self):
        raise AssertionError("the session was read")

    monkeypatch.setattr(SessionStore, "load", read)
    cookie = [("cookie", "sessionid=abcdefghijklmnopqrstuvwxyz012345")]
    site(RULES=[{"name": "office", "then": "open", "when": {"network": "198.51.100.0/24"}}])
    for face, handler in FACES:
        door = handler()
        assert face(door, headers=cookie).status in (200, 503)
        backsoon("on", "--wait")
        refused = face(door, headers=cookie)
        assert refused.status == 503 and "cookie" not in dict(refused.headers).get("vary", "").lower()


def test_the_system_checks_say_it_at_the_start(site):
    from django.core.checks import run_checks

    site(TRUSTED_PROXIES="10.0.0.1")
    assert ["backsoon.E001"] == [found.id for found in run_checks() if found.id.startswith("backsoon")]
    site(RULES=[{"name": "staff", "then": "open", "when": {"user": "staff"}}])
    with override_settings(MIDDLEWARE=["backsoon.django.middleware.MaintenanceMiddleware", AUTHENTICATION]):
        assert ["backsoon.W002"] == [found.id for found in run_checks() if found.id.startswith("backsoon")]
    with override_settings(MIDDLEWARE=[]):
        assert ["backsoon.W001"] == [found.id for found in run_checks() if found.id.startswith("backsoon")]


def test_templates_know_how_the_site_stands(site, backsoon):
    site()
    door = WSGIHandler()
    assert wsgi(door, path="/banner/").body.decode().strip() == "off|off||"
    backsoon("on", "--at", "2099-01-01 00:00 UTC", "--message", "Soon.")
    eventually("it is known", lambda: wsgi(door, path="/banner/").body.decode().strip() == "off|off||Soon.")


def test_templates_know_it_also_where_no_middleware_runs(site, backsoon, caplog):
    """In a command, or a worker that renders mails."""
    from django.template import engines
    from django.test import RequestFactory

    from backsoon.django.context_processors import maintenance as processor

    def said():
        request = RequestFactory().get("/", HTTP_HOST="a.example")
        tag = engines["django"].from_string("{% load backsoon %}{% maintenance as m %}{{ m.mode }}|{{ m.message|default:'' }}")
        return tag.render(), processor(None)["maintenance"].mode, processor(request)["maintenance"].mode

    site()
    assert context.MEMBERS == [] and said() == ("off|", "off", "off")
    backsoon("on", "--message", "Back at nine.")
    backsoon("on", "--site", "a.example", "--new-site", "--read-only")
    backsoon("off")
    assert said() == ("off|", "off", "read-only")
    backsoon("on", "--message", "Back at nine.")
    assert said() == ("on|Back at nine.", "on", "on")
    assert context.MEMBERS == [], "to look is not to join"
    # A mail goes out while the store is away.
    site(STORE="redis://127.0.0.1:1/0")
    assert said() == ("off|", "off", "off") and "nobody knows how the site stands" in caplog.text
    with override_settings(BACKSOON={}):
        assert said() == ("off|", "off", "off")


def test_a_template_of_the_site_in_place_of_the_built_in_page(site, backsoon):
    site(TEMPLATE="closed.html")
    door = WSGIHandler()
    wsgi(door)
    backsoon("on", "--wait", "--message", "<b>Later</b>")
    html = wsgi(door, path="/cart/", headers=[("accept", "text/html")])
    assert html.status == 503 and b"<h1>on</h1><p>&lt;b&gt;Later&lt;/b&gt;</p><p>/cart/</p>" in html.body
    assert dict(html.headers)["cache-control"] == "no-store"
    json = wsgi(door, headers=[("accept", "application/json")])
    assert dict(json.headers)["content-type"].startswith("application/problem+json")


def test_the_log_filter_drops_our_own_refusals_only(site, backsoon):
    from backsoon.django.log import NotRefusedByBacksoon

    class Kept(logging.Handler):
        records = []

        def emit(self, record):
            self.records.append(record.getMessage())

    site()
    logger, handler = logging.getLogger("django.request"), Kept()
    handler.addFilter(NotRefusedByBacksoon())
    logger.addHandler(handler)
    try:
        door = WSGIHandler()
        assert wsgi(door, path="/broken/").status == 503
        backsoon("on", "--wait")
        assert wsgi(door, path="/cart/").status == 503
    finally:
        logger.removeHandler(handler)
    assert any("/broken/" in record for record in Kept.records)
    assert not any("/cart/" in record for record in Kept.records)


def test_below_a_script_name(site, backsoon):
    site(RULES=[{"name": "hooks", "then": "open", "when": {"path": {"prefix": "/app/hooks"}}}])
    door = WSGIHandler()
    wsgi(door)
    backsoon("on", "--wait")
    sent = environ(path="/app/hooks/7", script_name="/app")
    del sent["RAW_URI"]
    seen = []
    door(sent, lambda status, headers, exc_info=None: seen.append(status)).close()
    assert seen == ["200 OK"]
    marked = environ(path="/app/open/", script_name="/app")
    door(marked, lambda status, headers, exc_info=None: seen.append(status)).close()
    assert seen[1] == "200 OK"


def test_the_command_has_the_words_of_the_command_line(site, backsoon, capfd):
    import io

    site()
    out = io.StringIO()
    call_command("maintenance", "on", "--message", "By Django.", stdout=out)
    assert "revision 1" in out.getvalue()
    assert "By Django." in backsoon("status")
    with pytest.raises(CommandError) as error:
        call_command("maintenance", "onn", stderr=io.StringIO())
    assert error.value.returncode == 2


def manage(*words, settings="shop.settings", **environment):
    """What `manage.py maintenance` answers in a process of its own."""
    import os
    import subprocess
    import sys

    here = os.path.dirname(__file__)
    told = {**os.environ, "PYTHONPATH": here, "DJANGO_SETTINGS_MODULE": settings, **environment}
    line = [sys.executable, "-c", "from django.core.management import execute_from_command_line as run; import sys; run(sys.argv[1:])"]
    ran = subprocess.run([*line, "./manage.py", "maintenance", *words], env=told, capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout + ran.stderr


def test_what_it_advises_acts_on_the_same_store(site):
    """The store is known to the settings alone: a bare `backsoon off` would look elsewhere."""
    import io
    import shlex

    site()
    code, said = manage("on", "--settings", "shop.settings", SHOP_STORE=site.store)
    advice = next(line.split(maxsplit=1)[1] for line in said.splitlines() if line.split()[:1] == ["reopen"])
    assert (code, advice) == (0, "manage.py maintenance --settings=shop.settings off")
    code, said = manage(*shlex.split(advice)[2:], settings="nowhere", SHOP_STORE=site.store)
    assert code == 0 and "*: open" in said
    out = io.StringIO()
    call_command("maintenance", "on", "--site", "*", stdout=out)
    assert "reopen    manage.py maintenance off\n" in out.getvalue()
    # What runs below it is no `manage.py`.
    call_command("maintenance", "off", stdout=out)
    member = library.Instance(site.store, poll=0.05)
    member.join()
    code, said = manage("run", "--", "env", SHOP_STORE=site.store)
    member.leave()
    assert "SHOP_STORE" in said and "BACKSOON_TYPED" not in said


def test_without_a_store_it_says_so(tmp_path):
    import io
    import os

    (tmp_path / "storeless.py").write_text("from shop.settings import *\nBACKSOON = {}\n")
    code, said = manage("status", settings="storeless", PYTHONPATH=f"{tmp_path}:{os.path.dirname(__file__)}")
    assert code == 2 and said == "CommandError: BACKSOON has no 'STORE'; name the store that all servers share: 'STORE': 'redis://…'\n"
    with override_settings(BACKSOON={}), pytest.raises(CommandError, match="has no 'STORE'"):
        call_command("maintenance", "status", stderr=io.StringIO())


OPEN = {"name": "office", "then": "open", "when": {"network": "198.51.100.0/24"}}


@pytest.mark.parametrize(
    "given, says",
    [
        ({}, "has no 'STORE'"),
        ({"STORE": "redsi://x"}, "did you mean `redis:"),
        ({"STORE": "memory:", "TRUSTED_PROXY": []}, "did you mean 'TRUSTED_PROXIES'?"),
        ({"STORE": "memory:", "TRUSTED_PROXIES": "10.0.0.1"}, "a comma may be missing"),
        ({"STORE": "memory:", "TRUSTED_PROXIES": ["10.0.0.1/8"]}, "10.0.0.1/8"),
        ({"STORE": "memory:", "RULES": [{"name": "x", "then": "open", "when": {"path": {"regex": "("}}}]}, "("),
        ({"STORE": "memory:", "USER": "shop.nowhere.user"}, "BACKSOON['USER']"),
        (["STORE"], "write a dictionary"),
        ({"STORE": "redsi://x"}, "BACKSOON['STORE']: "),
        ({"STORE": "memory:", "RULES": [OPEN, {**OPEN, "then": "opn"}]}, "BACKSOON['RULES'][1]['then']: unknown variant `opn`, expected `open` or `closed`; did you mean 'open'?"),
        ({"STORE": "memory:", "RULES": [{**OPEN, "when": {"netwrk": "10.0.0.1"}}]}, "BACKSOON['RULES'][0]['when']['netwrk']: unknown field `netwrk`"),
        ({"STORE": "memory:", "RULES": [{**OPEN, "when": {"netwrk": "10.0.0.1"}}]}, "; did you mean 'network'?"),
        ({"STORE": "memory:", "RULES": [{**OPEN, "when": {"network": ["10.0.0.1", "ten"]}}]}, "BACKSOON['RULES'][0]['when']['network'][1]: "),
        ({"STORE": "memory:", "RULES": OPEN}, "BACKSOON['RULES']: invalid type: map, expected a list"),
        ({"STORE": "memory:", "POLL": "x"}, "BACKSOON['POLL']: invalid type: string \"x\", expected a number"),
        ({"STORE": "memory:", "LEASE": 0}, "BACKSOON['LEASE']: it is 0 s; say a number of seconds between"),
        ({"STORE": "memory:", "ON_LOST": "clsoe"}, "BACKSOON['ON_LOST']: unknown variant `clsoe`, expected `keep` or `close`; did you mean 'close'?"),
    ],
)
def test_a_mistake_in_the_settings_is_said_at_the_start(given, says):
    assert any(says in trouble for trouble in Conf(given).troubles()), Conf(given).troubles()
    # Nobody has written a line of JSON.
    assert not any(" at line " in trouble for trouble in Conf(given).troubles())


def test_good_settings_are_good(store):
    assert Conf({"STORE": store, "HEALTH": False, "TRUSTED_PROXIES": ["10.0.0.0/8"]}).troubles() == []


def test_a_child_of_a_fork_joins_for_itself(store):
    import json
    import os

    member = library.Instance(store, poll=0.05)
    member.join()
    mine = member.report()["name"]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before = member.report()
            answer = member.try_admit(library.Request(environ()))
            told = {"before": before, "after": member.report()["name"], "is": type(answer).__name__}
            os.write(write, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    told = json.loads(os.read(read, 10_000))
    assert told["before"] is None and told["is"] == "Permit"
    assert told["after"] != mine and str(child) in told["after"]
    assert member.report()["name"] == mine
    member.leave()


def test_nothing_starts_before_the_first_request(store):
    import os

    def threads():
        return len(os.listdir("/proc/self/task"))

    before = threads()
    member = library.Instance(store)
    assert (threads(), member.report()) == (before, None)
    with pytest.raises(ValueError, match="did you mean"):
        library.Instance("fiel:./state")
    with pytest.raises(ValueError, match="unknown field `lesae`"):
        library.Instance(store, lesae=1)
