"""A real server, since only it knows how a path was sent."""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture(params=["", "/app"])
def served(request, state, tmp_path):
    """The port of a gunicorn that is closed, but for two patterns; the prefix that it is mounted at."""
    (tmp_path / "closed_garden.py").write_text(
        "from garden.settings import *\n"
        f"MAINTENANCE_MODE_STATE_FILE_PATH = {str(state)!r}\n"
        "MAINTENANCE_MODE_IGNORE_URLS = ['^/pages/', '^/(?=opened-for)opened-for']\n"
    )
    state.write_text("1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "closed_garden", "PYTHONPATH": f"{tmp_path}:{Path(__file__).parent}", "SCRIPT_NAME": request.param,
    }
    line = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", f"--bind=127.0.0.1:{port}"]
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(line, env=environment, stdout=log, stderr=log, cwd=tmp_path)
    try:
        end = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.01)
        yield port, request.param
    finally:
        server.terminate()
        server.wait(30)


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_ways_around_a_rule_are_none_on_a_real_server(served, state):
    port, prefix = served
    assert get(port, f"{prefix}/pages/7") == 200 and get(port, f"{prefix}/opened/") == 200
    assert get(port, f"{prefix}/opened-for") == 404 and get(port, f"{prefix}/") == 503
    for path in ("/pages%2f..%2fcart", "/pages/../cart", "/pages/%2e%2e/cart", "/pages%2f7", "/pages//7", "/pages/;x/../cart", "/pages/%252e", "/opened-for%2f"):
        assert get(port, prefix + path) == 503, path
    state.write_text("0")
    assert get(port, f"{prefix}/") == 200
