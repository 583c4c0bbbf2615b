"""`memory:`, the store of one process: for a site's own tests, and for a site of one process."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from faces import asgi, environ, wsgi
from waiting import eventually

from backsoon import Control, Instance, Reply, Request
from backsoon.django import context, maintenance
from backsoon.dropin.member import windows

sys.path.insert(0, str(Path(__file__).parents[1] / "compat"))
import pages  # noqa: E402


@pytest.fixture(autouse=True)
def afterwards():
    yield
    for member in context.MEMBERS:
        member.leave()
    context.MEMBERS.clear()
    context._by_settings.clear()
    assert not any(windows("memory:")), "a test has left the store closed"


@pytest.mark.parametrize("face, handler", [(wsgi, WSGIHandler), (asgi, ASGIHandler)])
def test_whoever_closes_and_whoever_follows_have_one_store(face, handler):
    with override_settings(BACKSOON={"STORE": "memory:"}):
        door = handler()
        assert face(door).status == 200
        with maintenance(message="We are counting."):
            eventually("it is closed", lambda: face(door).status == 503)
            assert b"We are counting." in face(door).body
            assert Control("MEMORY:", "test").mode("*") == "on"
        eventually("it is open", lambda: face(door).status == 200)


def test_a_child_of_a_fork_has_a_store_of_its_own():
    closed = Control("memory:", "test").keep("*")
    member = Instance("memory:")
    assert isinstance(member.try_admit(Request(environ())), Reply)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            is_open = not isinstance(member.try_admit(Request(environ())), Reply)
            said = f"{Control('memory:', 'test').mode('*')} {is_open}"
            Control("memory:", "test").keep("child.example", "read-only")
            os.write(write, f"{said} {Control('memory:', 'test').mode('child.example')}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"off True read-only"
    assert [Control("memory:", "test").mode(site) for site in ("*", "child.example")] == ["on", "on"]
    closed.end()
    member.leave()


def test_a_command_says_that_it_can_reach_nobody():
    for run in (by_code, by_manage):
        assert "would be gone at the end of this command, and no server could follow it" in run()


def by_code():
    err = io.StringIO()
    with override_settings(BACKSOON={"STORE": "memory:"}), pytest.raises(CommandError):
        call_command("maintenance", "on", stderr=err)
    return err.getvalue()


def by_manage():
    environment = {**os.environ, "SHOP_STORE": "memory:", "PYTHONPATH": os.path.dirname(__file__)}
    line = [sys.executable, "-m", "django", "maintenance", "on"]
    ran = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2 and ran.stdout == ""
    return ran.stderr


def test_the_test_case_of_the_page_as_often_as_it_runs():
    assert [pages.run("django.md") for _ in range(2)] == [(1, [])] * 2


def test_a_client_that_has_read_its_settings_keeps_them(tmp_path):
    with override_settings(BACKSOON={"STORE": f"file:{tmp_path}/state"}):
        door = Client()
        door.get("/cart/")
    with override_settings(BACKSOON={"STORE": "memory:"}), maintenance():
        assert door.get("/cart/").status_code == 200
        assert Client().get("/cart/").status_code == 503
