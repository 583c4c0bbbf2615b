"""What visitors meet."""

import http.server
import re
import threading
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect


@pytest.fixture
def visitors(ground, chromium, signed_in):
    contexts = []

    def visitor(**options):
        context = chromium.new_context(**options)
        contexts.append(context)
        return context.new_page()

    ground.run("on", "--for", "30m", "--message", "New shelves")
    yield visitor
    for context in contexts:
        context.close()
    ground.open()


def shut(page, ground):
    """Goes there until the gate has heard of the closing."""
    for _ in range(100):
        if page.goto(ground.site).status == 503:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the gate is still open")


def brightness(page):
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def test_light_and_dark(visitors, ground):
    light, dark = visitors(color_scheme="light"), visitors(color_scheme="dark")
    shut(light, ground)
    shut(dark, ground)
    expect(light.locator("main")).to_contain_text("New shelves")
    assert brightness(light) > 200 and brightness(dark) < 60


def test_a_phone(visitors, ground):
    page = visitors(viewport={"width": 360, "height": 640}, is_mobile=True, has_touch=True)
    shut(page, ground)
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_arabic_reads_from_right_to_left(visitors, ground):
    page = visitors(locale="ar")
    shut(page, ground)
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    assert re.search("[\u0600-\u06ff]", page.get_by_role("heading", level=1).text_content())


def test_without_javascript(visitors, ground):
    page = visitors(java_script_enabled=False)
    shut(page, ground)
    expect(page.locator("main")).to_contain_text("New shelves")
    expect(page.locator("time").first).to_contain_text("UTC")


def test_who_waits_comes_back_by_themselves(visitors, ground):
    page = visitors()
    shut(page, ground)
    ground.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("The shop", timeout=60_000)


class Mirrored(http.server.BaseHTTPRequestHandler):
    """A proxy that shows a mirror's page to whatever is sent, and counts that."""

    page, closed, sent = b"", True, 0

    def answer(self):
        Mirrored.sent += self.command == "POST"
        form = b"<!doctype html><html lang=en><title>Shop</title><h1>The shop</h1><form method=post><button>Pay</button></form>"
        shut = self.closed and self.path != "/form"
        body = self.page if shut else form
        self.send_response(503 if shut else 200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.answer()

    do_GET = do_HEAD = answer

    def log_message(self, *_):
        pass


def test_a_mirrors_page_sends_nothing_a_second_time(visitors, ground):
    page = visitors()
    shut(page, ground)
    asked = urllib.request.Request(ground.site, headers={"accept": "text/html"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    Mirrored.page = refused.value.read()
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirrored)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{proxy.server_port}"
    page.goto(f"{site}/form")
    page.evaluate("document.forms[0].action = '/pay?order=1#card'")
    page.get_by_role("button", name="Pay").click()
    expect(page.locator("main")).to_contain_text("New shelves")
    assert Mirrored.sent == 1
    Mirrored.closed = False
    expect(page.get_by_role("heading", level=1)).to_have_text("The shop", timeout=60_000)
    assert (Mirrored.sent, page.url) == (1, f"{site}/pay?order=1")
    proxy.shutdown()
