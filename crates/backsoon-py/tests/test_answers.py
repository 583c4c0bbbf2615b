"""What visitors hear, and what is counted of it: templates that fail, hosts that are forwarded, sockets, marks."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.template.loader import render_to_string
from django.test import override_settings
from faces import asgi, wsgi

import backsoon as library
from backsoon.django import context, desk, maintenance
from backsoon.django.management.commands import maintenance as command

FACES = [(wsgi, WSGIHandler), (asgi, ASGIHandler)]
HTML = [("accept", "text/html")]


def said():
    return {found.id: found.msg for found in run_checks() if found.id.startswith("backsoon")}


def templates(*processors):
    """The site's templates, with what they know beside the built-in things."""
    (engine,) = settings.TEMPLATES
    return override_settings(TEMPLATES=[{**engine, "OPTIONS": {"context_processors": [f"shop.processors.{name}" for name in processors]}}])


# === templates of the site ===


@pytest.mark.parametrize("face, handler", FACES)
def test_a_template_may_ask_a_database(face, handler, site, backsoon):
    site(TEMPLATE="asking.html")
    with templates("from_a_thread"):
        door = handler()
        face(door)
        backsoon("on", "--wait=20s")
        for path in ("/", "/closed/"):
            answer = face(door, path=path, headers=HTML)
            assert (answer.status, answer.body) == (503, b"<h1>from a thread</h1>\n")
        backsoon("off", "--wait=20s")
        assert face(door, path="/closed/", headers=HTML).body == b"<h1>from a thread</h1>\n"


@pytest.mark.parametrize("template, processor", [("asking.html", "from_nowhere"), ("nowhere.html", "from_a_thread")])
@pytest.mark.parametrize("face, handler", FACES)
def test_a_template_that_fails_gives_the_built_in_page(face, handler, template, processor, site, backsoon, caplog):
    site(TEMPLATE=template)
    with templates(processor):
        door = handler()
        face(door)
        backsoon("on", "--wait=20s", "--message", "We are moving house.")
        answer = face(door, headers=HTML)
    assert answer.status == 503 and b"We are moving house." in answer.body
    assert "content-security-policy" in dict(answer.headers)
    assert template in caplog.text


def test_a_template_that_cannot_be_loaded_is_said_at_the_start(site):
    site(TEMPLATE="nowhere.html")
    assert "'nowhere.html'" in said()["backsoon.W003"] and "is not there" in said()["backsoon.W003"]
    for found in ("closed.html", ["nowhere.html", "closed.html"]):
        site(TEMPLATE=found)
        assert said() == {}


# === settings ===


def test_settings_that_are_no_dictionary_are_said_and_nothing_else_fails():
    with override_settings(BACKSOON="redis://cache.internal/0"):
        assert list(said()) == ["backsoon.E001"] and "write a dictionary" in said()["backsoon.E001"]
    with override_settings(BACKSOON={"STORE": "memory:", "RULES": 5}):
        assert list(said()) == ["backsoon.E001"]


def test_members_of_one_name_stand_beside_each_other(store, backsoon):
    members = [library.Instance(store, name="shop", poll=0.05) for _ in range(2)]
    try:
        for member in members:
            member.join()
        names = {member.report()["name"] for member in members}
        assert len(names) == 2 and all(name.startswith(f"shop-{os.getpid()}-") for name in names)
        assert "2 servers" in backsoon("on", "--wait=20s")
    finally:
        for member in members:
            member.leave()


# === hosts and addresses ===


def test_a_banner_is_about_the_host_by_which_is_decided(site, backsoon):
    site()
    door = WSGIHandler()
    wsgi(door)
    backsoon("on", "--wait=20s", "--new-site", "--site=b.example.com", "--read-only")
    forwarded = [("x-forwarded-host", "b.example.com")]
    for is_believed, mode in ((False, b"off|off"), (True, b"read-only|read-only")):
        with override_settings(USE_X_FORWARDED_HOST=is_believed):
            assert wsgi(door, path="/banner/", headers=forwarded).body.startswith(mode)
            assert wsgi(door, method="POST", headers=forwarded).status == (503 if is_believed else 200)


def test_a_tag_without_a_request_says_how_all_sites_stand(site, backsoon):
    site()
    wsgi(WSGIHandler())
    backsoon("on", "--wait=20s")
    assert render_to_string("banner.html").startswith("on|")


@pytest.mark.parametrize("face, handler", FACES[:1])
def test_a_proxy_behind_a_unix_socket_may_be_trusted(face, handler, site, backsoon):
    network = lambda address: [{"name": "known", "then": "open", "when": {"network": address}}]  # noqa: E731
    office = [("x-forwarded-for", "198.51.100.7")]
    cases = [
        (["127.0.0.1"], "198.51.100.7", "", 200),
        (["127.0.0.0/8"], "198.51.100.7", "", 200),
        (["10.0.0.1"], "198.51.100.7", "", 503),
        # Nobody has trusted the proxy, so its visitors are not this machine.
        ([], "127.0.0.1", "", 503),
        ([], "198.51.100.7", "", 503),
        # No address at all is not a socket.
        (["127.0.0.1"], "198.51.100.7", None, 503),
    ]
    for proxies, opened, peer, status in cases:
        site(TRUSTED_PROXIES=proxies, RULES=network(opened))
        door = handler()
        face(door)
        backsoon("on", "--wait=20s")
        assert face(door, peer=peer, headers=office).status == status, (proxies, opened, peer)


# === what is counted ===


def refused(member):
    """How many requests windows have refused here."""
    return sum(tally["refused"] for tally in member.report().get("tallies", []))


@pytest.mark.parametrize("face, handler", FACES)
def test_a_refusal_is_counted_once_and_an_open_view_not_at_all(face, handler, site, backsoon):
    site()
    door = handler()
    face(door)
    backsoon("on", "--wait=20s")
    for path in ("/open/", "/aopen/", "/class/"):
        assert face(door, path=path).status == 200
    assert [face(door, path=path).status for path in ("/", "/closed/")] == [503, 503]
    assert refused(context.MEMBERS[-1]) == 2


# === code and commands ===


def test_a_coroutine_is_closed_around(site):
    site()

    @maintenance(message="We are importing.")
    async def work(what):
        """Works."""
        return what, library.Control(site.store, "test").read()

    what, state = asyncio.run(work("it"))
    assert what == "it" and "We are importing." in state and work.__doc__ == "Works."
    assert "We are importing." not in library.Control(site.store, "test").read()

    @maintenance(message="We are importing.")
    async def fail():
        raise RuntimeError("oh")

    with pytest.raises(RuntimeError, match="oh"):
        asyncio.run(fail())
    assert "We are importing." not in library.Control(site.store, "test").read()


def test_the_desk_finds_python_where_a_server_embeds_it(site, monkeypatch):
    site()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    asked = desk.ask("status")
    assert asked.code == 0 and "there is no store yet" in asked.out


def test_the_desk_does_not_wait_for_ever(site, monkeypatch):
    site()
    asked = desk.ask("status", within=0.001)
    assert asked.code == 1 and "no answer within 0.001 s" in asked.err
    monkeypatch.setattr(desk, "interpreter", lambda: "/nowhere/python")
    assert "could not be started" in desk.ask("status").err


@pytest.mark.parametrize(
    "words, left",
    [
        (["on", "--settings=shop.settings", "--pythonpath=."], ["on"]),
        (["--settings", "shop.settings", "on", "--pythonpath", ".", "--for", "2h"], ["on", "--for", "2h"]),
        (["status", "-v", "2", "-v3", "--verbosity=1", "--traceback", "--force-color", "--skip-checks"], ["status"]),
        (["run", "--settings=x", "--", "manage.py", "migrate", "--settings=y", "-v", "0"], ["run", "--", "manage.py", "migrate", "--settings=y", "-v", "0"]),
        (["on", "--message", "--wait"], ["on", "--message", "--wait"]),
    ],
)
def test_flags_of_django_are_not_handed_on(words, left):
    assert command.own(words) == left


def test_manage_py_takes_flags_of_django(store, tmp_path):
    environment = {**os.environ, "SHOP_STORE": store, "HOME": str(tmp_path), "PYTHONPATH": ""}
    del environment["DJANGO_SETTINGS_MODULE"]
    flags = ["--settings", "shop.settings", f"--pythonpath={Path(__file__).parent}", "--no-color", "--traceback"]
    line = [sys.executable, "-m", "django", "maintenance", "on", "--message", "Soon.", *flags]
    ran = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ran.returncode == 0 and "revision 1" in ran.stdout and "\x1b" not in ran.stdout, ran.stdout + ran.stderr
