"""Two gates over one store, each with a console, an application behind them, and a browser that looks at them."""

import http.server
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

BINARY = os.environ["BACKSOON"]
PASSWORD = "correct horse battery"
LINES = {"gate": r"the gate (http://\S+)", "console": r"the console (http://\S+)/", "link": r"(/welcome\?key=\S+)"}


class Application(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><html lang=en><title>Shop</title><main><h1>The shop</h1></main>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Gate:
    """One gate, with what it has printed."""

    def __init__(self, folder, name, upstream):
        config = folder / f"{name}.toml"
        config.write_text(f'store = "file:{folder}/store"\n')
        command = [BINARY, "--config", config, "serve", "--upstream", upstream]
        command += ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / name), "NO_COLOR": "1"}
        self.log = open(folder / f"{name}.log", "w+")
        self.process = subprocess.Popen(command, env=os.environ | home, stdout=self.log, stderr=subprocess.STDOUT)
        self.said = {}
        for what in ["gate", "console"]:
            self.said[what] = self.hear(what)

    def hear(self, what):
        for _ in range(200):
            text = Path(self.log.name).read_text()
            if found := re.search(LINES[what], text):
                return found[1]
            assert self.process.poll() is None, text
            time.sleep(0.1)
        raise AssertionError(f"nothing about {what}: {text}")

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Ground:
    """A fleet of two."""

    def __init__(self, folder):
        self.folder, self.sites = folder, {"*"}
        self.application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
        threading.Thread(target=self.application.serve_forever, daemon=True).start()
        upstream = f"http://127.0.0.1:{self.application.server_port}"
        self.gates = [Gate(folder, name, upstream) for name in ["gate-1", "gate-2"]]
        self.console, self.site = self.gates[0].said["console"], self.gates[0].said["gate"]

    def run(self, *arguments, **more):
        command = [BINARY, "--store", f"file:{self.folder}/store", *arguments]
        done = subprocess.run(command, env=os.environ | {"HOME": str(self.folder)}, text=True, capture_output=True, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def user(self, name, role):
        self.run("user", "add", name, "--role", role, input=PASSWORD + "\n")

    def open(self):
        """Reopens everything, by a way that is not the console's."""
        for site in sorted(self.sites):
            self.run("off", "--all", "--site", site)

    def end(self):
        for gate in self.gates:
            gate.end()
        self.application.shutdown()


@pytest.fixture(scope="session")
def ground(tmp_path_factory):
    ground = Ground(tmp_path_factory.mktemp("fleet"))
    yield ground
    ground.end()
    shutil.rmtree(ground.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def signed_in(ground, chromium):
    """The first admin, made by the link that the first gate has printed; gives the cookies away."""
    page = chromium.new_page()
    page.goto(ground.console + ground.gates[0].hear("link"))
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the first admin").click()
    page.get_by_role("heading", level=1).wait_for()
    assert page.url == ground.console + "/"
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def pages(ground, chromium, signed_in):
    """Makes pages of somebody who has signed in. No script may fail, and nothing may be refused by the policy."""
    contexts, troubles = [], []

    def page(**options):
        context = chromium.new_context(storage_state=signed_in, base_url=ground.console, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda said: said.type == "error" and troubles.append(said.text))
        return page

    yield page
    for context in contexts:
        context.close()
    ground.open()
    # The page inside of the rehearsal has a script that may not run there, and the browser says so.
    known = ["sandboxed", "status of 4", "status of 503"]
    assert [text for text in troubles if not any(part in text for part in known)] == []


@pytest.fixture
def page(pages):
    return pages()
