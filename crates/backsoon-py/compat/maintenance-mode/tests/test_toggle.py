"""Switching by the web, the variable in templates, the filter of logs: M-78 to M-83."""

import logging

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import resolve, reverse
from maintenance_mode.core import get_maintenance_mode, set_maintenance_mode
from maintenance_mode.logging import RequireNotMaintenanceMode503

ON, OFF = "/maintenance-mode/on/", "/maintenance-mode/off/"


def test_m78_names():
    assert reverse("maintenance_mode_on") == ON and reverse("maintenance_mode_off") == OFF
    from maintenance_mode import views

    assert resolve(OFF).func is views.maintenance_mode_off


@pytest.mark.parametrize("who", ["anonymous", "ordinary", "staff"])
def test_m79_superusers_only(who, as_user):
    browser = as_user(who)
    for path in (ON, OFF):
        answer = browser.get(path)
        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert get_maintenance_mode() is False


@pytest.mark.parametrize("method", ["get", "post"])
def test_m80_switching(method, as_user, given):
    given(IGNORE_SUPERUSER=True)
    browser = as_user("superuser")
    for path, value in ((ON, True), (OFF, False)):
        answer = getattr(browser, method)(path)
        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert get_maintenance_mode() is value


def test_m81_a_mode_that_is_set_cannot_be_switched(as_user, given):
    browser = as_user("root")
    given(MAINTENANCE_MODE=False)
    with pytest.raises(ImproperlyConfigured):
        browser.get(ON)


def test_m82_the_variable_in_templates(client, given):
    assert client.get("/banner/").content == b"False\n"
    set_maintenance_mode(True)
    given(IGNORE_URLS=["/banner/"])
    assert client.get("/banner/").content == b"True\n"


def test_m83_the_filter_of_logs(state):
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "x", (), None)
    for mode in (False, True):
        set_maintenance_mode(mode)
        for status in (None, 500, 503):
            record.__dict__.pop("status_code", None)
            if status:
                record.status_code = status
            assert RequireNotMaintenanceMode503().filter(record) is not (mode and status == 503)
