"""The pictures in docs/: taken only when they are asked for (SCREENSHOTS), and else looked at for what they show."""

import datetime
import io
import os
import re
from pathlib import Path

from playwright.sync_api import expect

if os.environ.get("SCREENSHOTS"):
    from PIL import Image

FOLDER = os.environ.get("SCREENSHOTS")


def shoot(page, name, full=True):
    # No picture names the machine that it was taken on.
    page.evaluate(
        """() => {
        const names = new Map();
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            walk.currentNode.data = walk.currentNode.data.replace(/\\b[\\w.-]+-\\d+-[0-9a-z]{4,}\\b/g, (name) => {
                if (/^w-|^p-/.test(name)) return name;
                if (!names.has(name)) names.set(name, `gate-${names.size + 1}`);
                return names.get(name);
            }).replace(/uid 0@\\w+/g, "eva@ops");
        }
    }"""
    )
    picture = page.screenshot(full_page=full)
    assert picture.startswith(b"\x89PNG")
    if FOLDER:
        Path(FOLDER).mkdir(parents=True, exist_ok=True)
        file = Path(FOLDER) / f"console-{name}.png"
        # Few colours make small files.
        Image.open(io.BytesIO(picture)).convert("RGB").quantize(128).save(file, optimize=True)
        assert file.stat().st_size < 150_000, file


def test_pictures(pages, ground, chromium):
    page = pages(viewport={"width": 1000, "height": 700}, color_scheme="light", timezone_id="Europe/Berlin", locale="en-GB")
    ground.run("on", "--site", "shop.example.com", "--new-site", "--for", "45m", "--message", "New shelves. Back soon.", "--note", "disk full on db-2")
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=6)).strftime("%Y-%m-%dT%H:00:00Z")
    ground.run("on", "--site", "blog.example.com", "--new-site", "--at", later, "--for", "1h", "--note", "upgrade")
    ground.sites |= {"shop.example.com", "blog.example.com"}
    visitor = chromium.new_page()
    for number in range(57):
        visitor.request.get(ground.site, headers={"host": "shop.example.com" if number % 3 else "blog.example.com"})
    visitor.context.close()
    page.goto("/")
    expect(page.locator(".site.on")).to_contain_text("disk full")
    expect(page.locator("#servers-state")).to_contain_text(re.compile("have confirmed"))
    # The reports are looked at every few seconds.
    expect(page.locator("main")).to_contain_text(re.compile(r"Refused\s+[1-9]"), timeout=20_000)
    shoot(page, "overview")
    page.goto("/change?site=blog.example.com")
    page.get_by_label("What visitors are told").fill("We are moving a wall. Back at ten.")
    page.get_by_label("Why").fill("database upgrade")
    page.get_by_label("For how long").fill("30m")
    # Frames are painted only where they are in view.
    page.set_viewport_size({"width": 1000, "height": 1450})
    page.get_by_role("button", name="Rehearse").click()
    expect(page.frame_locator("iframe").first.locator("main")).to_contain_text("a wall")
    expect(page.frame_locator("iframe").last.locator("main")).to_contain_text("a wall")
    shoot(page, "rehearsal")
    page.set_viewport_size({"width": 1000, "height": 660})
    page.get_by_role("button", name="Close blog.example.com").click()
    expect(page.get_by_role("status")).to_contain_text("Confirmed: 2 of 2")
    shoot(page, "receipt", full=False)
    phone = pages(viewport={"width": 390, "height": 800}, color_scheme="dark", timezone_id="Europe/Berlin", locale="en-GB")
    phone.goto("/")
    expect(phone.locator("#servers-state")).to_contain_text(re.compile("have confirmed"))
    shoot(phone, "phone", full=False)
