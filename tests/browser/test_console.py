"""What operators do, by hand, in a browser."""

import re

import pytest
from conftest import PASSWORD
from playwright.sync_api import expect


def close(page, site="*", **fields):
    """Fills in the form and goes to the rehearsal."""
    page.goto(f"/change?site={site}")
    for label, text in fields.items():
        page.get_by_label({"message": "What visitors are told", "note": "Why", "lasts": "For how long"}[label]).fill(text)
    page.get_by_role("button", name="Rehearse").click()


def closed(page, **fields):
    close(page, **fields)
    page.get_by_role("button", name="Close all sites").click()
    expect(page.get_by_role("status")).to_contain_text("Confirmed: 2 of 2")


def test_a_closing_is_rehearsed_and_the_receipt_arrives_from_both_gates(page, ground):
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")
    page.get_by_role("link", name="Close or schedule All sites").click()
    page.get_by_label("What visitors are told").fill("Back at ten.")
    page.get_by_label("Why").fill("disk full")
    page.get_by_role("button", name="Rehearse").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Close all sites?")
    expect(page.get_by_role("alert").first).to_contain_text("You would be locked out")
    frame = page.frame_locator("iframe").first
    expect(frame.locator("main")).to_contain_text("Back at ten.")
    expect(page.get_by_role("region", name="For programs")).to_contain_text("Back at ten.")
    assert "open" in ground.run("status")
    page.get_by_role("button", name="Close all sites").click()
    # By itself: nobody loads the page again.
    expect(page.get_by_role("status")).to_contain_text("Confirmed: 2 of 2")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="All sites").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The site is closed")
    expect(page.locator(".site")).to_contain_text("disk full")
    expect(page.locator(".site")).to_contain_text("ada via console")


def test_what_matters_stands_out_and_nothing_is_drawn_of_nothing(page, ground):
    page.goto("/")
    close_all = page.get_by_role("link", name="Close or schedule All sites")
    expect(close_all).not_to_have_class(re.compile("quiet"))
    ground.run("on", "--wait")
    expect(close_all).to_have_class(re.compile("quiet"))
    expect(page.locator("#pictures")).to_contain_text("othing waited")
    expect(page.get_by_role("img", name="Wait, minute by minute")).to_have_count(0)
    # Bars of all charts stand on one line, however long their words are.
    figure = "<figure><figcaption>{}</figcaption><svg viewBox='0 0 600 40'></svg></figure>"
    charts = "".join(figure.format(words) for words in ["Run", "Wait", "Refused " * 20])
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", f"<div class=charts id=tried>{charts}</div>")
    bottoms = page.locator("#tried svg").evaluate_all("all => all.map(one => Math.round(one.getBoundingClientRect().bottom))")
    assert len(bottoms) == 3 and len(set(bottoms)) == 1, bottoms


def test_the_overview_is_live(page, ground):
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")
    ground.run("on", "--message", "by hand")
    expect(page.get_by_role("heading", level=1)).to_have_text("The site is closed")
    expect(page.locator(".site")).to_contain_text("by hand")
    ground.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")


def test_who_is_at_a_button_stays_there_and_sees_what_changes(page, ground):
    ground.open()
    page.goto("/")
    expect(page.locator("#sites .site .state").first).to_contain_text("Open")
    page.get_by_role("link", name="Close or schedule All sites").focus()
    ground.run("on", "--for", "1h")
    expect(page.locator("#sites .site .state").first).to_contain_text("Closed")
    focused = "document.activeElement.textContent.replace(/\\s+/g, ' ').trim()"
    assert page.evaluate(focused) == "Close or schedule All sites (*)"
    ground.run("on", "--at", "2099-01-01T10:00:00Z", "--for", "1h")
    box = page.get_by_label("Also end what is scheduled")
    box.check()
    page.get_by_role("button", name="Extend by 15 minutes").focus()
    ground.run("on", "--hold", "--for", "2h", "--note", "another one")
    expect(page.locator("#sites")).to_contain_text("another one")
    assert page.evaluate(focused) == "Extend by 15 minutes (All sites (*))"
    expect(box).to_be_checked()
    # What was focused has gone: the place stays.
    page.get_by_role("button", name="Reopen").focus()
    ground.open()
    expect(page.locator("#sites .site .state").first).to_contain_text("Open")
    assert page.evaluate("document.activeElement.closest('.site') !== null")


def test_the_first_page_shows_the_last_hour_and_what_is_to_come(page, ground):
    page.goto("/")
    refused = page.get_by_role("img", name="Refused, minute by minute")
    drawn = refused.get_attribute("aria-label") if refused.count() else "0 in all"
    before = int(re.search(r"(\d+) in all", drawn)[1])
    ground.run("on", "--for", "2h", "--wait")
    for _ in range(3):
        assert page.request.get(ground.site).status == 503
    # The roster is looked at every few seconds.
    for _ in range(60):
        page.goto("/")
        if refused.count() and f"{before + 3} in all" in refused.get_attribute("aria-label"):
            break
        page.wait_for_timeout(500)
    expect(refused).to_have_attribute("aria-label", re.compile(f"{before + 3} in all"))
    assert refused.locator("rect").count() > 0
    expect(page.locator(".timeline li")).to_have_count(1)
    # Two hours of a day.
    width = float(page.locator(".timeline rect").last.get_attribute("width"))
    assert 75 < width < 90
    ground.open()
    expect(page.locator("#pictures")).to_contain_text("No window is in force")


def test_a_window_is_extended_gets_another_message_and_ends(page, ground):
    closed(page, lasts="30m", message="soon")
    page.goto("/")
    page.get_by_role("button", name="Extend by 15 minutes").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Extend window")
    page.get_by_role("button", name="Extend window").click()
    expect(page.locator(".done")).to_have_text("The window was changed.")
    page.goto("/")
    page.get_by_role("link", name="Change message or end").click()
    page.get_by_label("What visitors are told").fill("later")
    page.get_by_role("button", name="Rehearse the new message").click()
    expect(page.frame_locator("iframe").first.locator("main")).to_contain_text("later")
    page.get_by_role("button", name="Change window").click()
    assert "later" in ground.run("status")
    page.goto("/")
    page.get_by_role("button", name="Reopen").click()
    page.get_by_role("button", name="Reopen all sites").click()
    expect(page.get_by_role("status")).to_contain_text("Confirmed: 2 of 2")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")


@pytest.mark.parametrize("mode, word", [("Read-only", "Read-only"), ("On hold", "On hold")])
def test_milder_modes(page, mode, word):
    page.goto("/change?site=*")
    page.get_by_label(mode, exact=False).first.check()
    page.get_by_role("button", name="Rehearse").click()
    page.locator("form.confirm button").click()
    expect(page.get_by_role("status")).to_contain_text("Confirmed: 2 of 2")
    page.goto("/")
    expect(page.locator(".site .state")).to_contain_text(word)


def test_a_closing_is_scheduled_in_a_time_zone(pages, ground):
    page = pages(timezone_id="America/New_York")
    page.goto("/change?site=*")
    page.get_by_text("At another time").click()
    assert page.get_by_label("Time zone").input_value() == "America/New_York"
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_label("From").fill("2040-01-02T09:00")
    page.get_by_label(re.compile("^Until")).fill("2040-01-02T10:00")
    page.get_by_role("button", name="Rehearse").click()
    expect(page.locator("main")).to_contain_text("closed from Jan 1, 2040, 7:00 PM until Jan 1, 2040, 8:00 PM, by window")
    page.get_by_role("button", name="Close all sites").click()
    expect(page.get_by_role("status")).to_contain_text("Scheduled")
    page.goto("/")
    # In the time zone of whoever looks.
    expect(page.locator(".windows time").first).to_have_text(re.compile("Jan 1, 2040, 7:00"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")
    page.get_by_role("link", name="Change window").click()
    page.get_by_role("button", name="End this window now").click()
    page.get_by_role("button", name="End window").click()
    expect(page.locator(".done")).to_have_text("The window was ended.")


def test_what_cannot_be_meant_is_said_beside_the_form(page):
    close(page, lasts="soon", message="kept")
    expect(page.get_by_role("alert")).to_contain_text("a duration is written")
    assert page.get_by_label("What visitors are told").input_value() == "kept"


def test_whoever_comes_second_rehearses_again(page, ground):
    close(page, message="mine")
    ground.run("on", "--message", "theirs")
    page.get_by_role("button", name="Close all sites").click()
    expect(page.get_by_role("alert").first).to_contain_text("Somebody has changed something meanwhile")
    page.get_by_role("button", name="Close all sites").click()
    expect(page.get_by_role("status")).to_contain_text("Confirmed: 2 of 2")


def test_the_history_tells_and_an_earlier_revision_comes_back(page, ground):
    closed(page, message="first")
    ground.open()
    page.goto("/history")
    expect(page.locator(".history li").first).to_contain_text("ended")
    page.get_by_role("button", name="Roll back").first.click()
    expect(page.locator("main")).to_contain_text("closed until it is ended, by window")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("status")).to_contain_text("Confirmed: 2 of 2")
    assert "first" in ground.run("status")


def test_a_pass_is_made_used_and_revoked(page, ground, chromium):
    closed(page)
    page.goto("/passes")
    page.get_by_label("For whom").fill("Grace")
    page.get_by_role("button", name="Make the pass").click()
    link = page.locator(".secret").text_content()
    visitor = chromium.new_page()
    assert visitor.goto(ground.site).status == 503
    assert visitor.goto(ground.site + link).status == 200
    expect(visitor.get_by_role("heading")).to_have_text("The shop")
    page.goto("/passes")
    assert link not in page.content()
    page.get_by_role("button", name="Revoke the pass of Grace").click()
    page.get_by_role("button", name="Revoke pass").click()
    expect(page.get_by_role("status")).to_contain_text("revoked")
    for _ in range(100):
        if visitor.goto(ground.site).status == 503:
            break
        visitor.wait_for_timeout(50)
    else:
        raise AssertionError("the pass still opens")
    visitor.context.close()


def test_without_javascript_it_closes_and_reopens(pages, ground):
    page = pages(java_script_enabled=False)
    close(page, message="plain")
    page.get_by_role("button", name="Close all sites").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Receipt")
    for _ in range(100):
        if "Confirmed: 2 of 2" in page.get_by_role("status").text_content():
            break
        page.get_by_role("link", name="Look again").click()
    else:
        raise AssertionError(page.content())
    page.goto("/")
    page.get_by_role("button", name="Reopen").click()
    page.get_by_role("button", name="Reopen all sites").click()
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")


def test_by_keyboard_alone(page):
    page.goto("/change?site=*")
    page.get_by_label("What visitors are told").focus()
    page.keyboard.type("by keys")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Rehearse":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Close all sites?")
    page.get_by_role("button", name="Close all sites").focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Confirmed")


def test_who_signs_out_is_out(ground, chromium, signed_in):
    ground.user("otto", "operator")
    page = chromium.new_page(base_url=ground.console)
    page.goto("/")
    assert page.url.endswith("/sign-in")
    page.get_by_label("Name").fill("otto")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything is open")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto("/history")
    assert page.url.endswith("/sign-in")
    page.context.close()


def test_an_admin_adds_somebody_and_a_token_and_takes_both_away(page, ground):
    page.goto("/people")
    page.get_by_label("Name", exact=True).fill("wanda")
    page.get_by_label("Role", exact=False).and_(page.locator("#role")).select_option("operator")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Add").click()
    assert "wanda" in ground.run("user", "list")
    page.get_by_label("Role of wanda").select_option("viewer")
    page.get_by_role("button", name="Change the role").last.click()
    expect(page.get_by_role("heading", name="wanda")).to_contain_text("viewer")
    page.get_by_text("Remove wanda", exact=True).click()
    page.get_by_role("button", name="Remove wanda for good").click()
    assert "wanda" not in ground.run("user", "list")
    page.get_by_label("What it is for").fill("<b>ci</b>")
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator(".secret").text_content()
    answer = page.request.get(ground.console + "/api/v1/me", headers={"authorization": f"Bearer {secret}"})
    assert answer.json()["name"] == "<b>ci</b>"
    expect(page.get_by_role("heading", name="<b>ci</b>").first).to_be_visible()
    page.get_by_role("button", name="Revoke").click()
    answer = page.request.get(ground.console + "/api/v1/me", headers={"authorization": f"Bearer {secret}"})
    assert answer.status == 401
    page.goto("/you")
    expect(page.locator("main li", has_text="this one")).to_have_count(1)


def test_the_end_of_a_window_is_taken_away(page, ground):
    closed(page, lasts="30m")
    page.goto("/")
    page.get_by_role("link", name="Change message or end").click()
    page.get_by_label("Until somebody reopens").check()
    page.get_by_role("button", name="Rehearse the new end").click()
    expect(page.locator("main")).to_contain_text("now until it is ended instead of until")
    page.get_by_role("button", name="Change window").click()
    page.goto("/")
    expect(page.locator(".site")).to_contain_text("somebody reopens it")


def test_another_address_is_tried(page):
    page.goto("/change?site=*")
    page.get_by_label("Your address").fill("192.0.2.7")
    page.get_by_role("button", name="Rehearse").click()
    expect(page.get_by_role("alert").first).to_contain_text("from 192.0.2.7 the page would be refused")
    page.get_by_label("Try another address").fill("")
    page.get_by_role("button", name="Rehearse again").click()
    expect(page.get_by_role("alert").first).to_contain_text("from your address, 127.0.0.1,")
    expect(page.locator("main")).to_contain_text("the tunnel's address")
