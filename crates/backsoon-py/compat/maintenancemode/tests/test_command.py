"""O-24 to O-27: ``manage.py maintenance``. They run with sites and without."""

import io

import pytest
from django.core.management import CommandError, call_command
from maintenancemode import utils


def said(*words, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command("maintenance", *words, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("on, off", [("on", "off"), ("activate", "deactivate")])
def test_o24_the_words(on, off, lock, client):
    assert said(on) == ("Maintenance mode was activated succesfully\n", "")
    assert lock.is_file() and client.get("/").status_code == 503
    assert said(off) == ("Maintenance mode was deactivated succesfully\n", "")
    assert not lock.exists() and client.get("/").status_code == 200
    assert said(on, verbosity=0) == ("", "")


@pytest.mark.parametrize("words", [(), ("status",), ("",)])
def test_o25_other_words(words, lock):
    with pytest.raises(CommandError) as refused:
        said(*words)
    assert str(refused.value) == "Allowed commands are: on|off|activate|deactivate" and not lock.exists()


def test_o26_w92_capitals_do_what_they_say(lock):
    assert said("ON") == ("Maintenance mode was activated succesfully\n", "") and lock.is_file()
    assert said("Off") == ("Maintenance mode was deactivated succesfully\n", "") and not lock.exists()


def test_o27_twice_is_as_good_as_once(lock):
    assert said("on") == said("on") and lock.is_file()
    assert said("off") == said("off") and not lock.exists()


def test_o28_w92_off_over_the_setting_says_that_the_site_stays_closed(given, client):
    given(MAINTENANCE_MODE=True)
    out, err = said("off")
    assert out == "Maintenance mode was deactivated succesfully\n" and err == "The site stays closed by settings.MAINTENANCE_MODE.\n"
    assert client.get("/").status_code == 503


def test_w89_a_lock_file_that_cannot_be_made_is_an_error(given, tmp_path, client):
    given(LOCKFILE_PATH=str(tmp_path / "no such folder" / "lock"))
    with pytest.raises(OSError):
        utils.activate()
    with pytest.raises(CommandError, match="no such folder"):
        said("on")
    given(LOCKFILE_PATH="")
    with pytest.raises(CommandError, match="names no file"):
        said("on")
    assert client.get("/").status_code == 200
