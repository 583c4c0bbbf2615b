"""Marks on views and overrides: M-70 to M-77."""

from functools import wraps

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from maintenance_mode.core import (
    get_maintenance_mode, get_maintenance_mode_backend, maintenance_mode_off, maintenance_mode_on, override_maintenance_mode,
    set_maintenance_mode,
)
from maintenance_mode.decorators import force_maintenance_mode_off, force_maintenance_mode_on


def test_m70_opened_views(client, on):
    assert client.get("/opened/").content == b"here"

    def view(request):
        """Says hello."""

    marked = force_maintenance_mode_off(view)
    assert marked.force_maintenance_mode_off is True and (marked.__name__, marked.__doc__) == ("view", "Says hello.")
    assert not hasattr(view, "force_maintenance_mode_off")


def test_m71_closed_views_refuse_by_themselves(client, given, request_to):
    assert client.get("/closed/").status_code == 503
    given(MIDDLEWARE=[])
    assert client.get("/closed/").status_code == 503
    ran = []
    assert force_maintenance_mode_on(ran.append)(request_to("/")).status_code == 503 and ran == []


@pytest.mark.parametrize("path, status", [("/opened-class/", 200), ("/opened-view/", 200), ("/closed-class/", 503)])
def test_m72_classes(path, status, client, on):
    assert client.get(path).status_code == status
    set_maintenance_mode(False)
    assert client.get(path).status_code == status


@pytest.mark.parametrize("mode", [None, True, False])
def test_m73_marks_beat_everything(mode, given, as_user):
    given(MAINTENANCE_MODE=mode, IGNORE_SUPERUSER=True, IGNORE_URLS=["/"])
    browser = as_user("root")
    assert browser.get("/closed/").status_code == 503
    assert browser.get("/opened/").status_code == 200


def test_m73_open_beats_closed(request_to, on):
    from maintenance_mode.http import need_maintenance_response

    assert need_maintenance_response(request_to("/both/")) is False


def test_m74_marks_survive_other_decorators():
    def other(view):
        @wraps(view)
        def inner(*args):
            return view(*args)

        return inner

    assert other(force_maintenance_mode_off(HttpResponse)).force_maintenance_mode_off is True
    assert other(force_maintenance_mode_on(HttpResponse)).force_maintenance_mode_on is True


@pytest.mark.parametrize("mode", [True, False])
def test_m74_the_middleware_sees_them_behind_other_decorators(mode, client):
    set_maintenance_mode(mode)
    # The decorator around it would send strangers to the login.
    assert client.get("/closed-to-strangers/").status_code == 503


@pytest.mark.parametrize("before", ["0", "1", '{"start": "2099-01-01T00:00:00+00:00", "end": null}'])
@pytest.mark.parametrize("value", [True, False])
def test_m75_an_override_leaves_what_there_was(before, value, state):
    state.write_text(before)
    with override_maintenance_mode(value):
        assert get_maintenance_mode() is value
    assert state.read_text() == before
    with pytest.raises(KeyError), override_maintenance_mode(value):
        raise KeyError
    assert state.read_text() == before

    @override_maintenance_mode(value)
    def run():
        return get_maintenance_mode()

    assert run() is value and run() is value and state.read_text() == before


def test_m76_the_short_forms(state):
    with maintenance_mode_on():
        assert get_maintenance_mode() is True
        with maintenance_mode_off():
            assert get_maintenance_mode() is False
        assert get_maintenance_mode() is True
    assert maintenance_mode_on()(get_maintenance_mode)() is True
    assert maintenance_mode_off()(get_maintenance_mode)() is False
    assert get_maintenance_mode() is False


def test_m77_an_override_is_everybodys(state, given):
    with maintenance_mode_on():
        assert state.read_text() == "1"
    given(MAINTENANCE_MODE=False)
    with pytest.raises(ImproperlyConfigured, match="^Maintenance mode cannot be set dynamically if defined in settings.$"):
        with maintenance_mode_on():
            raise AssertionError("it was entered")
