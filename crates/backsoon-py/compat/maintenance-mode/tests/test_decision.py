"""The decision in detail: M-63 to M-69, and the order of the steps."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from maintenance_mode.http import get_maintenance_response, need_maintenance_response

#: For `ROOT_URLCONF`: a site without any of the package's views.
urlpatterns = [path("", lambda request: HttpResponse("here"))]

NOT_FOR_USERS = ["maintenance_mode.middleware.MaintenanceModeMiddleware"]


def test_m63_the_off_view_is_open_and_the_on_view_is_not(client, on):
    for method in ("get", "post", "head", "options"):
        assert getattr(client, method)("/maintenance-mode/off/").status_code == 302, method
        assert getattr(client, method)("/maintenance-mode/on/").status_code == 503, method
    assert client.get("/maintenance-mode/off/more").status_code == 503
    assert client.get("/maintenance-mode/off").status_code == 503


def test_m64_a_site_without_the_views_is_closed_as_well(given, client, on):
    given(ROOT_URLCONF="test_decision")
    assert client.get("/").status_code == 503


@pytest.mark.parametrize("setting", ["IGNORE_ANONYMOUS_USER", "IGNORE_STAFF", "LOGOUT_AUTHENTICATED_USER"])
def test_m65_without_a_user_the_rules_about_users_say_nothing(setting, given, client, on):
    given(MIDDLEWARE=NOT_FOR_USERS, **{setting: True})
    assert client.get("/").status_code == 503


def test_m66_who_is_logged_out_goes_on_as_a_stranger(given, as_user, on):
    given(IGNORE_ANONYMOUS_USER=True, LOGOUT_AUTHENTICATED_USER=True)
    browser = as_user("ordinary")
    assert browser.get("/").status_code == 200
    assert "_auth_user_id" not in browser.session
    assert as_user("anonymous").get("/").status_code == 200


def test_m67_the_logout_comes_before_the_rule_about_staff(given, as_user, on):
    given(IGNORE_STAFF=True, LOGOUT_AUTHENTICATED_USER=True)
    assert as_user("staff").get("/").status_code == 503
    given(LOGOUT_STAFF_USER=False)
    assert as_user("staff").get("/").status_code == 200


def test_m68_the_two_functions_are_public(request_to, on):
    assert need_maintenance_response(request_to("/")) is True
    assert get_maintenance_response(request_to("/")).status_code == 503


def test_m68_they_know_marked_views_while_the_mode_is_off(request_to, client):
    client.get("/")  # The views are imported now.
    assert need_maintenance_response(request_to("/closed/")) is True
    assert need_maintenance_response(request_to("/opened/")) is False
    assert need_maintenance_response(request_to("/nowhere/")) is False


def test_m69_nothing_says_why_a_request_was_let_through(given, client, on):
    given(IGNORE_URLS=["/pages/"])
    answer = client.get("/pages/")
    # The original has looked at the session.
    assert {name for name in answer.headers if name != "Vary"} == {"Content-Type"}


def test_marks_and_the_off_view_come_before_the_logout(given, as_user, on):
    given(LOGOUT_AUTHENTICATED_USER=True)
    browser = as_user("ordinary")
    assert browser.get("/opened/").status_code == 200
    assert browser.get("/closed/").status_code == 503
    assert browser.get("/maintenance-mode/off/").status_code == 302
    assert "_auth_user_id" in browser.session


@pytest.mark.parametrize("rule", [
    {"IGNORE_URLS": ["/pages/"]}, {"IGNORE_IP_ADDRESSES": ["127.0.0.1"]}, {"REDIRECT_URL": "/pages/"},
])
def test_the_logout_comes_before_all_other_rules(rule, given, as_user, on):
    given(LOGOUT_AUTHENTICATED_USER=True, **rule)
    browser = as_user("ordinary")
    assert browser.get("/pages/").status_code == 200
    assert "_auth_user_id" not in browser.session


def test_the_underscore_functions_say_what_each_step_says(given, request_to, on):
    from maintenance_mode import http

    request = request_to("/pages/")
    steps = [getattr(http, name) for name in dir(http) if name.startswith("_need_maintenance_") and not name.endswith("_user")]
    assert len(steps) == 8 and {step(request) for step in steps} == {None}
    given(IGNORE_URLS=["/pages/"], IGNORE_IP_ADDRESSES=["127.0.0.1"], REDIRECT_URL="/pages/")
    for step in (http._need_maintenance_ignore_urls, http._need_maintenance_ignore_ip_addresses, http._need_maintenance_redirects):
        assert step(request) is False
        assert step(request_to("/", REMOTE_ADDR="192.0.2.1")) is None
    assert http._need_maintenance_from_url(request_to("/maintenance-mode/off/")) is False
    assert http._need_maintenance_from_view(request_to("/closed/")) is True
    assert http._need_maintenance_from_view(request_to("/opened/")) is False
    given(IGNORE_ADMIN_SITE=True)
    assert http._need_maintenance_ignore_admin_site(request_to("/admin/")) is False
    request.user = type("User", (), {"is_anonymous": False, "is_authenticated": True, "is_staff": True, "is_superuser": False})()
    given(IGNORE_STAFF=True, LOGOUT_STAFF_USER=True)
    assert http._get_maintenance_authenticated_user(request) is request.user
    assert http._need_maintenance_logout_user(request.user) is True
    given(LOGOUT_STAFF_USER=None)
    assert http._need_maintenance_ignore_users(request) is False
