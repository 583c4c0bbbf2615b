"""Real servers with several workers, closed under load."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from waiting import eventually

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent

SERVERS = {
    "gunicorn": ["gunicorn", "shop.wsgi:application", "--workers=4", "--threads=2", "--bind=127.0.0.1:{port}"],
    "gunicorn --preload": [
        "gunicorn", "shop.wsgi:application", "--workers=4", "--preload", "--bind=127.0.0.1:{port}"
    ],
    "uwsgi": [
        "uwsgi", "--http-socket=127.0.0.1:{port}", "--module=shop.wsgi:application", "--master", "--processes=4", "--need-app", "--die-on-term",
    ],
    "uvicorn": ["uvicorn", "shop.asgi:application", "--workers=2", "--port={port}", "--log-level=warning"],
}


@pytest.fixture
def served(request, store, tmp_path):
    """A server of the site; it is ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program, *words = SERVERS[request.param]
    line = [str(BIN / program), *(word.format(port=port) for word in words)]
    environment = {**os.environ, "SHOP_STORE": store, "DJANGO_SETTINGS_MODULE": "shop.settings", "HOME": str(tmp_path)}
    log = open(tmp_path / "log", "w")
    server = subprocess.Popen(line, cwd=HERE, env=environment, stdout=log, stderr=log)
    try:
        eventually("it listens", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield port, server, request.param
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def get(port, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


class Crowd:
    """Visitors who never stop, and what each of them saw."""

    def __init__(self, port):
        self.port, self.seen, self.failed, self.over = port, [], [], threading.Event()
        self.threads = [threading.Thread(target=self.visit) for _ in range(6)]
        for thread in self.threads:
            thread.start()

    def visit(self):
        while not self.over.is_set():
            begun = time.monotonic()
            try:
                self.seen.append((begun, get(self.port)))
            except OSError as error:
                self.failed.append(error)

    def go(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("served", SERVERS, indirect=True)
def test_closed_under_load_nobody_gets_in(served, backsoon):
    port, server, name = served
    workers = 2 if name == "uvicorn" else 4
    crowd = Crowd(port)
    try:
        eventually("somebody was let in", lambda: crowd.seen)
        eventually("every worker is on the roster", lambda: backsoon("fleet", "--once").count(" web ") == workers)
        for _ in range(5):
            said = backsoon("on", "--wait=30s", f"--instances={workers}")
            confirmed = time.monotonic()
            assert f"{workers} servers" in said, said
            # Who began after the receipt, as far as is known.
            after = lambda: [status for begun, status in list(crowd.seen) if begun > confirmed]  # noqa: E731, B023
            eventually("many are refused", lambda: len(after()) > 20)
            assert set(after()) == {503}
            backsoon("off", "--wait=30s")
            opened = time.monotonic()
            eventually("visitors get in", lambda: any(b > opened and s == 200 for b, s in list(crowd.seen)))
    finally:
        crowd.go()
    assert crowd.failed == []
    assert {status for _, status in crowd.seen} == {200, 503}
    server.terminate()
    server.wait(30)
    # On a busy machine uWSGI ends some of its workers before they have: those are found dead, and nobody waits for them.
    found_dead = " dead " if name == "uwsgi" else "\0"
    left = lambda: [line for line in backsoon("fleet", "--once").splitlines() if " web " in line and found_dead not in line]  # noqa: E731
    eventually("all have said farewell", lambda: not left())


@pytest.mark.parametrize("served", ["gunicorn"], indirect=True)
def test_ways_around_a_rule_are_none_on_a_real_server(served, backsoon, tmp_path):
    port, _, _ = served
    rules = tmp_path / "site.toml"
    rules.write_text(
        '[[sites."*".rules]]\nname = "hooks"\nthen = "open"\nwhen = { path = { prefix = "/hooks" } }\n'
    )
    assert get(port) == 200
    backsoon("apply", str(rules))
    backsoon("on", "--wait=30s")
    assert get(port, "/hooks/7") == 200
    for path in ("/hooks%2f..%2fcart", "/hooks/../cart", "/hooks/%2e%2e/cart", "//hooks", "/hooks;x/../cart", "/hooksx"):
        assert get(port, path) == 503, path
