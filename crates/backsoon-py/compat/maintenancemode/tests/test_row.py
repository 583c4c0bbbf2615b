"""D-06 to D-27 and D-40: what a row refuses, and with what."""

import json

import pytest
from django.contrib.sites.models import Site
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from maintenancemode.models import Maintenance

HTML = "Temporary unavailable. You requested: /"


def test_d06_the_template_is_named(closed, client, given):
    assert client.get("/").content.decode().startswith(HTML)
    given(MAINTENANCE_503_TEMPLATE="own.html")
    assert client.get("/").content.decode() == "own: /\n"


def test_d07_the_admin_is_open_unless_the_setting_says_otherwise(closed, client, given):
    assert client.get("/admin/login/").status_code == 200
    given(ADMIN_IGNORED_URLS=["^pages"])
    assert client.get("/admin/login/").status_code == 503 and client.get("/pages/").status_code == 200


def test_d08_staff_may_be_refused(closed, as_user, given):
    given(BLOCK_STAFF=True)
    assert as_user("staff").get("/").status_code == 503
    assert as_user("root").get("/").status_code == 200


def test_d09_internal_ips(closed, client, given):
    given(INTERNAL_IPS=["192.0.2.7"])
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert client.get("/", REMOTE_ADDR="192.0.2.70").status_code == 503


def test_d09_internal_ips_may_be_an_object_that_knows_what_is_in_it(closed, client, given):
    class Beginnings(list):
        def __contains__(self, address):
            return any(address.startswith(entry) for entry in self)

    given(INTERNAL_IPS=Beginnings(["192.0."]))
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert client.get("/", REMOTE_ADDR="198.0.2.7").status_code == 503


def test_d10_the_site_of_the_settings(closed, client, given):
    two = Site.objects.create(domain="two.example.com")
    assert client.get("/", HTTP_HOST="two.example.com").status_code == 503
    given(SITE_ID=two.pk)
    assert client.get("/").status_code == 200
    Maintenance.objects.update_or_create(site=two, defaults={"is_being_performed": True})
    assert client.get("/").status_code == 503


def test_d11_who_is_let_in_is_let_in_while_the_site_is_open(client, as_user, given):
    given(INTERNAL_IPS=["192.0.2.7"])
    assert client.get("/", REMOTE_ADDR="192.0.2.7").status_code == 200
    assert {as_user(name).get("/").status_code for name in ("superuser", "staff", "ordinary", "anonymous")} == {200}


def test_d12_to_d14_users(closed, as_user):
    answers = {name: as_user(name).get("/").status_code for name in ("superuser", "root", "staff", "ordinary", "anonymous")}
    assert answers == {"superuser": 200, "root": 200, "staff": 200, "ordinary": 503, "anonymous": 503}


def test_d15_without_a_user_the_rules_about_users_say_nothing(closed, request_to):
    from maintenancemode.middleware import MaintenanceModeMiddleware

    assert MaintenanceModeMiddleware(lambda request: None).process_request(request_to("/")).status_code == 503


def test_d16_no_row_is_open(client):
    Maintenance.objects.all().delete()
    assert client.get("/").status_code == 200


def test_d17_a_row_may_say_that_the_site_is_open(closed, client):
    assert client.get("/").status_code == 503
    Maintenance.objects.update(is_being_performed=False)
    assert client.get("/").status_code == 200


def test_d18_patterns_see_the_path_without_its_leading_slash(client, open_urls):
    open_urls("^ignored-page/$", "pages", "^docs|^contact", r"(?=ignored/)ignored")
    for path, status in (("/ignored-page/", 200), ("/pages/7", 200), ("/docs", 200), ("/contact", 200), ("/ignored/", 200)):
        assert client.get(path).status_code == status, path
    for path in ("/", "/ignored-page", "/a/pages", "/ignored"):
        assert client.get(path).status_code == 503, path
    open_urls("^/$", "/")
    assert client.get("/").status_code == 503


def test_d19_a_blank_pattern_opens_everything(client, open_urls):
    open_urls("")
    assert client.get("/").status_code == 200


def test_d20_the_default_view_is_where_django_looks_for_it():
    from django.conf import urls
    from maintenancemode.conf.urls import defaults

    assert urls.handler503 == defaults.handler503 == "maintenancemode.views.defaults.temporary_unavailable"
    assert "handler503" in urls.__all__


def test_d20_a_view_of_the_sites_own(closed, client, given):
    given(ROOT_URLCONF="orchard.urls_of_its_own")
    answer = client.get("/")
    assert (answer.status_code, answer.content, answer["X-Own"]) == (200, b"our own page", "yes")


def test_d21_the_default_view_may_be_called(request_to):
    from maintenancemode.views.defaults import temporary_unavailable

    assert temporary_unavailable(request_to("/pages/")).content.decode().startswith(HTML + "pages/")
    assert temporary_unavailable(request_to("/"), template_name="own.html").content == b"own: /\n"


def test_d22_the_page(closed, client):
    answer = client.get("/pages/", {"q": "<"})
    assert answer.status_code == 503 and answer["Content-Type"] == "text/html"
    assert answer.content.decode().startswith(HTML + "pages/")


def test_d23_json_for_json(closed, client):
    answer = client.post("/", "{}", content_type="application/json")
    assert answer.status_code == 503 and answer["Content-Type"] == "application/json"
    assert json.loads(answer.content) == {
        "code": 503,
        "error": "temporarily_unavailable",
        "reason": "maintenance",
        "error_description": "Sorry, the service is temporarily down for maintenance",
    }
    assert list(json.loads(answer.content)) == ["code", "error", "reason", "error_description"]


@pytest.mark.parametrize("fields", [{"CONTENT_TYPE": "application/json; charset=utf-8"}, {"HTTP_ACCEPT": "application/json"}])
def test_d24_html_for_anything_else(fields, closed, client):
    assert client.get("/", **fields)["Content-Type"] == "text/html"


def test_d25_no_header_fields_more(closed, request_to):
    from maintenancemode.middleware import MaintenanceModeMiddleware

    answer = MaintenanceModeMiddleware(lambda request: None).process_request(request_to("/"))
    assert sorted(name.lower() for name, _ in answer.items()) == ["content-type"]


def test_d26_the_class_of_the_answer(closed, client):
    from django.http import HttpResponse
    from maintenancemode.http import HttpResponseTemporaryUnavailable

    assert issubclass(HttpResponseTemporaryUnavailable, HttpResponse) and HttpResponseTemporaryUnavailable.status_code == 503
    assert isinstance(client.get("/"), HttpResponseTemporaryUnavailable)


def test_d27_a_missing_template_is_an_error(closed, client, given):
    from django.template import TemplateDoesNotExist

    given(TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
    with pytest.raises(TemplateDoesNotExist):
        client.get("/")


def test_d40_one_query_while_the_site_is_open(request_to):
    from maintenancemode.middleware import MaintenanceModeMiddleware

    door = MaintenanceModeMiddleware(lambda request: "here")
    Site.objects.clear_cache()
    for _ in range(2):
        with CaptureQueriesContext(connection, ) as asked:
            assert door(request_to("/")) == "here"
        assert len(asked) == 1


def test_d40_one_query_while_it_is_closed(closed, open_urls):
    from maintenancemode.middleware import MaintenanceModeMiddleware

    open_urls("^docs", "^contact")
    with CaptureQueriesContext(connection) as asked:
        assert MaintenanceModeMiddleware(lambda request: "here")(RequestFactory().get("/")).status_code == 503
    assert len(asked) == 1


def test_a_row_that_another_process_has_changed_is_seen_by_the_next_request(client):
    for n in range(300):
        # Past the ORM and its signals.
        with connection.cursor() as cursor:
            cursor.execute("UPDATE maintenancemode_maintenance SET is_being_performed = %s", [n % 2 == 0])
        assert Client().get("/").status_code == (503 if n % 2 == 0 else 200)
