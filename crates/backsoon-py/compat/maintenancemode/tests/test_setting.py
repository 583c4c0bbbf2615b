"""O-01 to O-23 and O-28 to O-33: what the setting and the lock file refuse, and with what. They run with sites and without."""

import os
import re
import sys

import pytest
from django.conf import settings
from django.template import TemplateDoesNotExist
from django.test import Client
from maintenancemode import utils
from maintenancemode.middleware import MaintenanceModeMiddleware

HTML = "Temporary unavailable. You requested: /"


@pytest.fixture
def mode(given):
    """The setting is on."""
    given(MAINTENANCE_MODE=True)


def test_o01_the_setting_is_off_unless_it_is_on(client, given):
    assert settings.MAINTENANCE_MODE is False and client.get("/").status_code == 200
    for value, status in ((True, 503), (1, 503), ("yes", 503), (False, 200), (None, 200), (0, 200)):
        given(MAINTENANCE_MODE=value)
        assert client.get("/").status_code == status, value


def test_o02_urls(mode, client, given):
    assert settings.MAINTENANCE_IGNORE_URLS == ()
    given(IGNORE_URLS=("^/ignored.*", re.compile("^/pages/$")))
    for path, status in (("/ignored/", 200), ("/pages/", 200), ("/pages/7", 503), ("/", 503)):
        assert client.get(path).status_code == status, path


def test_o03_the_default_place_of_the_lock_file():
    from maintenancemode.conf import DEFAULTS

    assert os.path.basename(DEFAULTS["MAINTENANCE_LOCKFILE_PATH"]) == "maintenance.lock"


def test_o03_the_place_of_the_lock_file(client, given, tmp_path):
    (tmp_path / "elsewhere").touch()
    given(LOCKFILE_PATH=tmp_path / "elsewhere")
    assert client.get("/").status_code == 503


def test_o03_the_place_may_be_relative(client, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given(LOCKFILE_PATH="relative.lock")
    utils.activate()
    assert (tmp_path / "relative.lock").is_file() and client.get("/").status_code == 503


def test_o04_o05_staff_and_superusers_may_be_refused(mode, as_user, given):
    answers = lambda: [as_user(name).get("/").status_code for name in ("staff", "superuser", "root")]  # noqa: E731
    assert answers() == [200, 200, 200]
    given(ALLOW_STAFF=False)
    assert answers() == [503, 200, 200]
    given(ALLOW_SUPERUSER=False)
    assert answers() == [503, 503, 503]
    given(ALLOW_STAFF=True)
    assert answers() == [200, 503, 200]


def test_o06_the_setting_or_the_lock_file(client, given, lock):
    assert client.get("/").status_code == 200
    lock.touch()
    assert client.get("/").status_code == 503
    given(MAINTENANCE_MODE=False)
    assert client.get("/").status_code == 503
    lock.unlink()
    assert client.get("/").status_code == 200
    lock.mkdir()
    assert client.get("/").status_code == 200
    given(MAINTENANCE_MODE=True)
    assert client.get("/").status_code == 503


def test_o07_what_is_in_the_lock_file_does_not_matter(client, lock):
    lock.write_text("0")
    assert client.get("/").status_code == 503
    utils.activate()
    assert lock.read_text() == "0"
    lock.unlink()
    utils.activate()
    assert lock.read_bytes() == b""


def test_o08_activate(client, lock):
    utils.activate()
    assert lock.is_file() and client.get("/").status_code == 503


def test_o09_deactivate(client, lock, monkeypatch):
    utils.activate()
    utils.deactivate()
    utils.deactivate()
    assert not lock.exists() and client.get("/").status_code == 200
    utils.activate()

    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(os, "remove", refuse)
    with pytest.raises(PermissionError):
        utils.deactivate()


def test_o10_status(given, lock):
    assert not utils.status()
    utils.activate()
    assert utils.status() is True
    utils.deactivate()
    given(MAINTENANCE_MODE=True)
    assert utils.status() is True


@pytest.mark.parametrize("entry, inside, outside", [
    ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
    ("10.10.10.0/24", "10.10.10.1", "10.10.11.1"),
    ("10/8", "10.7.7.7", "11.0.0.1"),
    ("192.168/16", "192.168.7.7", "192.169.0.1"),
    ("10.0.0.0/255.0.0.0", "10.7.7.7", "11.0.0.1"),
    ("10.0.0.0-10.0.0.255", "10.0.0.7", "10.0.1.0"),
    ("2001:db8::/32", "2001:db8::7", "2001:db9::7"),
    ("::1", "::1", "::2"),
    (" 10.0.0.1", "10.0.0.1", "10.0.0.2"),
])
def test_o11_internal_ips_are_networks(entry, inside, outside, mode, client, given):
    given(INTERNAL_IPS=(entry,))
    assert client.get("/", REMOTE_ADDR=inside).status_code == 200
    assert client.get("/", REMOTE_ADDR=outside).status_code == 503
    listed = utils.IPList((entry,))
    assert inside in listed and outside not in listed and len(listed) == 1


def test_o12_what_a_trusted_proxy_forwards_is_believed(mode, client, given):
    given(INTERNAL_IPS=["192.0.2.0/24"], MAINTENANCE_TRUSTED_PROXIES=["10.0.0.0/8"])
    def ask(forwarded, peer="10.0.0.1"):
        return client.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded).status_code

    assert ask("192.0.2.7") == 200 and ask("192.0.2.7, 10.0.0.2") == 200 and ask("8.8.8.8, 192.0.2.7") == 200


def test_o13_the_address_of_the_connection(mode, client, given):
    given(INTERNAL_IPS=["192.0.2.7"])
    assert client.get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="8.8.8.8").status_code == 200


def test_o14_no_other_package_is_needed(mode, client, given):
    given(INTERNAL_IPS=["10.0.0.0/8"])
    assert client.get("/", REMOTE_ADDR="10.7.7.7").status_code == 200
    assert "IPy" not in sys.modules


def test_o15_o16_the_user_is_touched_only_if_a_rule_needs_it(mode, given, request_to):
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(f"nobody may ask for {name}")

    given(ALLOW_STAFF=False, ALLOW_SUPERUSER=False, INTERNAL_IPS=["192.0.2.7"])
    request = request_to("/")
    request.user = Untouchable()
    assert MaintenanceModeMiddleware(lambda request: None).process_request(request).status_code == 503
    given(ALLOW_STAFF=True)
    request = request_to("/", REMOTE_ADDR="192.0.2.7")
    request.user = Untouchable()
    assert MaintenanceModeMiddleware(lambda request: None).process_request(request) is None


def test_o17_without_a_user_the_rules_about_users_say_nothing(mode, request_to):
    assert MaintenanceModeMiddleware(lambda request: None).process_request(request_to("/")).status_code == 503


def test_o18_patterns_see_the_leading_slash_and_the_beginning_of_the_path(mode, client, given):
    given(IGNORE_URLS=["^/ignored.*", "/docs", "pages"])
    assert client.get("/ignored-page").status_code == 200 and client.get("/docs/7").status_code == 200
    assert client.get("/pages").status_code == 503 and client.get("/contact/docs").status_code == 503


def test_o19_the_default_view_and_one_of_the_sites_own(mode, client, given):
    from django.conf import urls
    from django.utils.module_loading import import_string

    assert "handler503" in urls.__all__ and import_string(urls.handler503)
    answer = client.get("/", CONTENT_TYPE="application/json")
    assert answer.content.decode().startswith(HTML), "the view of this package, even if the site has rows as well"
    given(ROOT_URLCONF="orchard.urls_of_its_own")
    assert client.get("/").content == b"our own page"


def test_o20_w88_a_refusal_on_every_django(mode, client):
    assert client.get("/").status_code == 503


def test_o21_the_template_knows_the_path(mode, client, request_to):
    from maintenancemode.views import temporary_unavailable

    assert client.get("/pages/").content.decode().startswith(HTML + "pages/")
    assert temporary_unavailable(request_to("/"), template_name="own.html").content == b"own: /\n"


def test_o22_the_header_fields(mode, request_to):
    answer = MaintenanceModeMiddleware(lambda request: None).process_request(request_to("/"))
    assert answer.status_code == 503 and dict(answer.items()) == {"Content-Type": "text/html; charset=utf-8"}


def test_o23_a_missing_template_is_an_error(mode, client, given):
    given(TEMPLATES=[])
    with pytest.raises(TemplateDoesNotExist):
        client.get("/")


def test_o28_the_command_changes_the_file_only(mode, client, lock):
    utils.deactivate()
    assert client.get("/").status_code == 503 and not lock.exists()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_o29_all_methods_and_paths(method, mode, client):
    for path in ("/", "/nobody-knows-this/"):
        answer = client.generic(method, path)
        assert answer.status_code == 503 and (method != "HEAD" or answer.content == b"")


def test_o30_others_who_have_signed_in_are_refused(mode, as_user):
    assert as_user("ordinary").get("/").status_code == 503


def test_o31_the_user_must_be_known(mode, as_user, given):
    given(MIDDLEWARE=[settings.MIDDLEWARE[-1], *settings.MIDDLEWARE[:-1]])
    assert as_user("staff").get("/").status_code == 503


def test_o32_the_middleware(mode, client, request_to):
    assert MaintenanceModeMiddleware(lambda request: None)(request_to("/")).status_code == 503
    assert MaintenanceModeMiddleware.sync_capable and MaintenanceModeMiddleware.async_capable


def test_o32_process_response_of_a_subclass(request_to):
    class Own(MaintenanceModeMiddleware):
        def process_response(self, request, response):
            return f"{response}, seen"

    assert Own(lambda request: "here")(request_to("/")) == "here, seen"


def test_o33_what_it_stands_on():
    from importlib import metadata

    needed = metadata.requires("backsoon-django-maintenancemode")
    assert sorted(re.split("[<>=]", name)[0].lower() for name in needed) == ["backsoon", "django"]


def test_the_lock_file_is_seen_by_the_next_request(lock):
    browser = Client()
    for n in range(300):
        lock.touch() if n % 2 == 0 else lock.unlink()
        assert browser.get("/").status_code == (503 if n % 2 == 0 else 200)
