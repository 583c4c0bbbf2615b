"""A page that nothing new comes to says so, for what it shows looks as true as before."""

from conftest import PASSWORD, Gate
from playwright.sync_api import expect


def alone(chromium, gate, **options):
    """A page of the first admin of a gate that stands alone."""
    page = chromium.new_page(**options)
    page.goto(gate.said["console"] + gate.hear("link"))
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the first admin").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")
    return page


def test_a_console_that_has_died_shows_nothing_as_current(chromium, tmp_path):
    gate = Gate(tmp_path, "alone", "http://127.0.0.1:9")
    try:
        page = alone(chromium, gate, locale="en-GB")
        expect(page.get_by_role("alert")).to_have_count(0)
        now = page.evaluate("new Intl.DateTimeFormat(undefined, { timeStyle: 'short' }).format(new Date())")
        gate.process.kill()
        expect(page.get_by_role("alert")).to_contain_text("Not updated since", timeout=30_000)
        said = page.get_by_role("alert").text_content()
        assert said.endswith(": this console does not answer."), said
        assert said[len("Not updated since ") :][:2] in (now[:2], f"{(int(now[:2]) + 1) % 24:02}"), (said, now)
        # Wherever on the page somebody is.
        page.set_viewport_size({"width": 360, "height": 400})
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        expect(page.get_by_role("alert")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.context.close()
    finally:
        gate.end()


def test_an_error_is_no_news_and_the_next_answer_takes_the_warning_away(chromium, tmp_path):
    gate = Gate(tmp_path, "alone", "http://127.0.0.1:9")
    try:
        page = alone(chromium, gate)
        page.route(gate.said["console"] + "/", lambda route: route.fulfill(status=500, body="broken"))
        expect(page.get_by_role("alert")).to_contain_text("answers with an error (500)", timeout=30_000)
        page.unroute(gate.said["console"] + "/")
        expect(page.get_by_role("alert")).to_have_count(0, timeout=30_000)
        page.context.close()
    finally:
        gate.end()
