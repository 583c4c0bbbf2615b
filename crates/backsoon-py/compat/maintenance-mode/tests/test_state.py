"""The state, its schedule and the backends: M-26 to M-52."""

import json
import os
import stat
from datetime import datetime, timedelta, timezone as zones

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from maintenance_mode import backends, core
from maintenance_mode.backends import AbstractStateBackend
from maintenance_mode.core import get_maintenance_mode, get_maintenance_mode_backend, set_maintenance_mode

HOUR = timedelta(hours=1)


class Broken(BaseCache):
    """A cache whose server is away."""

    def __init__(self, *_):
        super().__init__({})

    def get(self, *_, **__):
        raise ConnectionError("the cache is away")

    def set(self, *_, **__):
        raise ConnectionError("the cache is away")


class InTheClass(AbstractStateBackend):
    value = False

    def __init__(self, *more, named="default"):
        self.named = named

    def get_value(self):
        return self.value

    def set_value(self, value):
        InTheClass.value = value


class Nothing(AbstractStateBackend):
    pass


def backend():
    return get_maintenance_mode_backend()


@pytest.fixture(params=["LocalFileBackend", "DefaultStorageBackend", "StaticStorageBackend", "CacheBackend"])
def kind(request, given, tmp_path):
    """Each of the four backends."""
    from django.core.cache import cache

    cache.clear()
    given(STATE_BACKEND=f"maintenance_mode.backends.{request.param}", MEDIA_ROOT=str(tmp_path / "media"), STATIC_ROOT=str(tmp_path / "static"))
    return request.param


def test_m26_the_mode_is_the_state(kind):
    assert get_maintenance_mode() is False
    for value in (True, False, True):
        set_maintenance_mode(value)
        assert get_maintenance_mode() is value and backend().get_value() is value


@pytest.mark.parametrize("value", [1, 0, "on", None])
def test_m27_the_value_is_a_boolean(value):
    with pytest.raises(TypeError, match="^value argument type is not boolean$"):
        set_maintenance_mode(value)


def test_m28_what_is_checked_first(given):
    with pytest.raises(TypeError):
        set_maintenance_mode(1, start="foo")
    with pytest.raises(ValueError, match="^start / end arguments can only be used with value True$"):
        set_maintenance_mode(False, start="foo")
    with pytest.raises(ValueError, match="Invalid datetime"):
        set_maintenance_mode(True, start="2001-01-01", end="foo")
    with pytest.raises(ValueError, match="must be < end"):
        set_maintenance_mode(True, start="2001-01-02", end="2001-01-01")
    given(MAINTENANCE_MODE=True)
    with pytest.raises(ImproperlyConfigured):
        set_maintenance_mode(1)


def test_m29_the_bounds_of_a_schedule(state):
    for start, end in (("2099-01-02", "2099-01-01"), ("2099-01-01", "2099-01-01")):
        with pytest.raises(ValueError, match="^start argument value must be < end argument value$"):
            set_maintenance_mode(True, start, end)
    with pytest.raises(ValueError, match="^end argument value must be in the future$"):
        set_maintenance_mode(True, end="2001-01-01")
    assert not state.exists()
    set_maintenance_mode(True, start="2001-01-01")
    assert get_maintenance_mode() is True


@pytest.mark.parametrize("start, end, is_on", [
    (-HOUR, HOUR, True), (HOUR, 2 * HOUR, False), (None, HOUR, True), (-HOUR, None, True), (HOUR, None, False),
])
def test_m30_when_a_schedule_is_in_force(start, end, is_on):
    now = timezone.now()
    moment = lambda ahead: None if ahead is None else now + ahead  # noqa: E731
    set_maintenance_mode(True, moment(start), moment(end))
    assert get_maintenance_mode() is is_on


def test_m30_the_first_moment_is_in_it_and_the_last_is_not(monkeypatch):
    start, end = datetime(2099, 1, 1, tzinfo=zones.utc), datetime(2099, 1, 2, tzinfo=zones.utc)
    set_maintenance_mode(True, start, end)
    for now, is_on in ((start - timedelta(seconds=1), False), (start, True), (end - timedelta(seconds=1), True), (end, False)):
        monkeypatch.setattr(core, "get_now_datetime", lambda now=now: now)
        assert get_maintenance_mode() is is_on, now


def test_m31_a_schedule_that_is_over_stays_as_it_is(state, client):
    over = '{"start": null, "end": "2001-01-01T00:00:00+00:00"}'
    state.write_text(over)
    assert get_maintenance_mode() is False and client.get("/").status_code == 200
    assert state.read_text() == over


def test_m32_the_last_one_wins(state):
    set_maintenance_mode(True, start="2099-01-01")
    set_maintenance_mode(False)
    assert state.read_text() == "0"
    set_maintenance_mode(True, end="2099-01-01")
    set_maintenance_mode(True)
    assert state.read_text() == "1"


@pytest.mark.parametrize("text", ["2099-01-01", "20990101T0100Z", "2099-01-01 01:00", "2099-01-01T01:00:00+02:00"])
def test_m33_moments_as_text(text):
    import sys

    if sys.version_info < (3, 11) and text == "20990101T0100Z":
        with pytest.raises(ValueError):
            set_maintenance_mode(True, start=text)
    else:
        set_maintenance_mode(True, start=text)
        assert get_maintenance_mode() is False


@pytest.mark.parametrize("given_moment, error, says", [
    ("", ValueError, "^Invalid datetime value: ''$"), ("foo", ValueError, "^Invalid datetime value: 'foo'$"),
    (True, TypeError, r"^Datetime value type is not datetime \| str \| None: bool$"), ("2099-01-01T25:00", ValueError, "hour must be in"),
])
def test_m33_what_is_no_moment(given_moment, error, says):
    with pytest.raises(error, match=says):
        set_maintenance_mode(True, start=given_moment)


def test_m34_moments_without_a_zone_are_meant_in_the_active_one():
    set_maintenance_mode(True, start=datetime(2099, 1, 1))
    assert backend().get_value() == {"start": "2099-01-01T00:00:00+01:00", "end": None}
    with timezone.override("Asia/Tokyo"):
        set_maintenance_mode(True, end="2099-01-01T00:00")
    assert backend().get_value() == {"start": None, "end": "2099-01-01T00:00:00+09:00"}


def test_m35_without_time_zones(given):
    given(USE_TZ=False)
    set_maintenance_mode(True, start=datetime.now() - HOUR, end=datetime.now() + HOUR)
    assert get_maintenance_mode() is True
    set_maintenance_mode(True, start=datetime.now() + HOUR)
    assert get_maintenance_mode() is False


def test_m36_moments_that_the_clock_skips_or_repeats():
    set_maintenance_mode(True, start="2099-03-29T02:30", end="2099-10-25T02:30")
    assert backend().get_value() == {"start": "2099-03-29T02:30:00+01:00", "end": "2099-10-25T02:30:00+02:00"}


def test_m37_what_is_written(state):
    for value, text in ((True, "1"), (False, "0")):
        set_maintenance_mode(value)
        assert state.read_text() == text
    set_maintenance_mode(True, end="2099-01-01T00:00Z")
    assert json.loads(state.read_text()) == {"start": None, "end": "2099-01-01T00:00:00+00:00"}
    state.write_text('{"start": "2001-01-01T00:00:00+00:00"}')
    assert get_maintenance_mode() is True


@pytest.mark.parametrize("text, is_on", [(" 1 \n", True), ("1\n", True), ("\t0\n", False), (' {"start": "2001-01-01T00:00Z"}\n', True)])
def test_m38_blanks_around_the_state(text, is_on, state):
    state.write_text(text)
    assert get_maintenance_mode() is is_on


@pytest.mark.parametrize("text", ["2", "on", "10", "\n"])
def test_m39_what_is_no_state(text, state):
    state.write_text(text)
    with pytest.raises(ValueError, match=r"^state value is not 0\|1$"):
        backend().get_value()
    with pytest.raises(ValueError, match=r"^state value is not 0\|1$"):
        backend().set_value(2)


@pytest.mark.parametrize("value", [{}, {"foo": 1}, {"start": None, "end": None}, {"start": "x", "foo": 1}])
def test_m40_what_is_no_schedule(value, state):
    state.write_text(json.dumps(value))
    for call in (backend().get_value, lambda: backend().set_value(value)):
        with pytest.raises(ValueError, match="^schedule state value is invalid: {") as error:
            call()
        assert repr(value) in str(error.value)
    backend().set_value({"start": "no moment"})
    assert backend().get_value() == {"start": "no moment"}


def test_m41_the_old_methods_point_to_the_new_ones():
    with pytest.raises(ValueError) as error:
        AbstractStateBackend.from_bool_to_str_value({"start": "x"})
    assert "from_state_to_str_value" in str(error.value) and "from_str_to_state_value" in str(error.value)
    assert AbstractStateBackend.from_bool_to_str_value(True) == "1" and AbstractStateBackend.from_str_to_bool_value(" 0") is False


@pytest.mark.parametrize("value, text", [(True, "1"), (1, "1"), ("1", "1"), (False, "0"), ("test", ValueError), (None, TypeError)])
def test_m42_what_a_backend_takes(value, text, state):
    if isinstance(text, str):
        backend().set_value(value)
        assert state.read_text() == text
    else:
        with pytest.raises(text):
            backend().set_value(value)


def test_m43_an_empty_file_is_off_and_a_blank_line_is_none(state):
    state.write_text("")
    assert get_maintenance_mode() is False
    state.write_text("\n")
    with pytest.raises(ValueError):
        get_maintenance_mode()


def test_m43_w07_w16_a_missing_file_is_off_and_stays_missing(state, client):
    assert get_maintenance_mode() is False and client.get("/").status_code == 200
    assert not state.exists()


def test_m44_a_write_replaces_the_file_and_gives_it_the_rights_of_the_folder(state):
    os.chmod(state.parent, 0o750)
    set_maintenance_mode(True)
    first = os.stat(state)
    with open(state) as opened:
        set_maintenance_mode(False)
        assert opened.read() == "1"
    assert stat.S_IMODE(first.st_mode) == 0o750 and os.stat(state).st_ino != first.st_ino
    assert os.listdir(state.parent) == [state.name]


def test_m44_a_missing_folder_is_made(given, tmp_path):
    given(STATE_FILE_PATH=str(tmp_path / "a" / "b" / "state.txt"))
    set_maintenance_mode(True)
    assert get_maintenance_mode() is True


def test_m45_a_path_that_cannot_be_used_is_an_error(given, tmp_path):
    given(STATE_FILE_PATH=str(tmp_path))
    for call in (get_maintenance_mode, lambda: set_maintenance_mode(True)):
        with pytest.raises(OSError):
            call()
    (tmp_path / "file").write_text("")
    given(STATE_FILE_PATH=str(tmp_path / "file" / "state.txt"))
    with pytest.raises(OSError):
        set_maintenance_mode(True)


@pytest.mark.parametrize("kind, folder", [("DefaultStorageBackend", "media"), ("StaticStorageBackend", "static")])
def test_m46_m47_storages(kind, folder, given, tmp_path):
    given(STATE_BACKEND=f"maintenance_mode.backends.{kind}", MEDIA_ROOT=str(tmp_path / "media"), STATIC_ROOT=str(tmp_path / "static"))
    assert get_maintenance_mode() is False and not (tmp_path / folder).exists()
    for value, text in ((True, "1"), (False, "0")):
        set_maintenance_mode(value)
        assert (tmp_path / folder / "maintenance_mode_state.txt").read_text() == text
        assert len(os.listdir(tmp_path / folder)) == 1


def test_m48_the_key_in_the_cache(given):
    from django.core.cache import cache

    given(STATE_BACKEND="maintenance_mode.backends.CacheBackend")
    cache.clear()
    assert get_maintenance_mode() is False
    set_maintenance_mode(True)
    assert cache.get("maintenance_mode") == "1" and list(cache._expire_info.values()) == [None]
    cache.clear()
    assert get_maintenance_mode() is False


def test_m49_w09_a_cache_that_is_away(given, caplog):
    given(STATE_BACKEND="maintenance_mode.backends.CacheBackend", CACHES={"default": {"BACKEND": "test_state.Broken"}})
    assert get_maintenance_mode() is False
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    with pytest.raises(ConnectionError):
        set_maintenance_mode(True)


def test_m50_a_backend_of_the_sites_own(given, client):
    given(STATE_BACKEND="test_state.InTheClass")
    set_maintenance_mode(True)
    assert InTheClass.value is True and client.get("/").status_code == 503
    set_maintenance_mode(False)
    assert client.get("/").status_code == 200
    for call in (Nothing().get_value, lambda: Nothing().set_value(1)):
        with pytest.raises(NotImplementedError):
            call()


@pytest.mark.parametrize("path, error, says", [
    ("nowhere.Backend", ImproperlyConfigured, "^backend not found, check 'settings.MAINTENANCE_MODE_STATE_BACKEND' path.$"),
    ("builtins.dict", ImproperlyConfigured, "^backend doesn't extend 'maintenance_mode.backends.AbstractStateBackend' class.$"),
    ("maintenance_mode.backends.AbstractStateBackend", ImproperlyConfigured, "doesn't extend"),
    ("os.path.join", TypeError, "must be a class"),
])
def test_m51_what_is_no_backend(path, error, says, given, client):
    given(STATE_BACKEND=path)
    for call in (get_maintenance_mode, lambda: set_maintenance_mode(True), lambda: client.get("/")):
        with pytest.raises(error, match=says):
            call()


def test_m52_schedules_on_every_backend(kind):
    set_maintenance_mode(True, start="2099-01-01T00:00Z")
    assert get_maintenance_mode() is False
    assert backend().get_value() == {"start": "2099-01-01T00:00:00+00:00", "end": None}
    set_maintenance_mode(True, end="2099-01-01T00:00Z")
    assert get_maintenance_mode() is True
