"""For the tests of the drop-ins: several workers of a real server over one store, closed under load."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager


def eventually(what, is_so):
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.01)


def backsoon_over(store, folder):
    """The command line, as an operator runs it."""

    def run(*words):
        environment = {**os.environ, "BACKSOON_STORE": store, "HOME": str(folder)}
        done = subprocess.run([sys.executable, "-m", "backsoon", *words], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@contextmanager
def served(settings, folder, tests, flag):
    """The port of a gunicorn with four workers that has these settings."""
    (folder / "of_many.py").write_text(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "of_many", "PYTHONPATH": f"{folder}:{tests}"}
    line = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", f"--bind=127.0.0.1:{port}", "--workers=4", flag]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(line, env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        eventually("it listens", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield port
    finally:
        server.terminate()
        server.wait(30)


def get(port, path="/"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def closed_under_load(port, backsoon):
    """Closes and opens three times while many ask. Nobody gets in after the receipt but to ``/pages/7``."""
    seen, failed, over = [], [], threading.Event()

    def visit():
        while not over.is_set():
            begun = time.monotonic()
            try:
                seen.append((begun, get(port)))
            except OSError as error:
                failed.append(error)

    crowd = [threading.Thread(target=visit) for _ in range(6)]
    for visitor in crowd:
        visitor.start()
    try:
        eventually("somebody was let in", lambda: seen)
        eventually("every worker is on the roster", lambda: backsoon("fleet", "--once").count(" web ") == 4)
        for _ in range(3):
            said = backsoon("on", "--wait=30s", "--instances=4")
            confirmed = time.monotonic()
            assert "4 servers" in said and "ignored urls" in said, said
            eventually("many are refused", lambda: sum(begun > confirmed for begun, _ in list(seen)) > 20)  # noqa: B023
            assert {status for begun, status in list(seen) if begun > confirmed} == {503}
            assert get(port, "/pages/7") == 200
            backsoon("off", "--wait=30s")
            opened = time.monotonic()
            eventually("visitors get in", lambda: any(b > opened and s == 200 for b, s in list(seen)))  # noqa: B023
    finally:
        over.set()
        for visitor in crowd:
            visitor.join()
    assert failed == [] and {status for _, status in seen} == {200, 503}
