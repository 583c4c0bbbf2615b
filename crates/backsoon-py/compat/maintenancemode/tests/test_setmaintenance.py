"""D-33 to D-39: ``manage.py setmaintenance``."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.sites.models import Site
from django.core.management import CommandError, call_command
from maintenancemode.models import Maintenance


@pytest.fixture
def two():
    return Site.objects.create(domain="two.example.com").pk


def said(*words, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command("setmaintenance", *words, stdout=out, stderr=err, **options)
    assert out.getvalue() == ""
    return err.getvalue()


def closed():
    return set(Maintenance.objects.filter(is_being_performed=True).values_list("site_id", flat=True))


def manage(*words):
    line = [sys.executable, "-c", "import sys; from django.core.management import execute_from_command_line as run; run(sys.argv)"]
    return subprocess.run([*line, *words], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent)


def test_d33_on_and_off(two, given):
    said("on")
    assert closed() == {1}
    said("on", two)
    assert closed() == {1, two}
    said("off", 1, two)
    assert closed() == set()
    given(SITE_ID=two)
    said("on")
    assert closed() == {two}


def test_d34_an_unknown_site_changes_nothing():
    with pytest.raises(CommandError, match="^Unknown site ids: 77$"):
        said("on", 1, 77)
    assert closed() == set()


def test_d35_an_unknown_site_may_be_skipped():
    assert said("on", 77, 1, ignore_missing=True).splitlines() == ["unknown site 77 - skipping", "Site 1 (example.com) is now on"]
    assert closed() == {1}


def test_d36_a_missing_row_is_made():
    Maintenance.objects.all().delete()
    said("on")
    assert closed() == {1}


def test_d37_what_is_said():
    assert said("on") == "Site 1 (example.com) is now on\n"
    assert said("on") == "Site 1 (example.com) already on\n"
    assert said("off") == "Site 1 (example.com) is now off\n"
    assert said("off", verbosity=0) == ""


def test_d38_a_site_may_be_named_twice():
    assert said("on", 1, 1).splitlines() == ["Site 1 (example.com) is now on", "Site 1 (example.com) already on"]


@pytest.mark.parametrize("word", ["ON", "maybe"])
def test_d39_other_words(word):
    with pytest.raises(CommandError, match="invalid choice"):
        said(word)
    done = manage("setmaintenance", word)
    assert done.returncode == 2 and "invalid choice" in done.stderr and done.stdout == ""


def test_w78_an_unknown_site_is_skipped_in_silence_as_well():
    assert said("on", 77, 1, ignore_missing=True, verbosity=0) == ""
    assert closed() == {1} and not Maintenance.objects.filter(site_id=77)


def test_w79_all_sites_or_none(two, monkeypatch):
    real = Maintenance.save

    def save(row, *args, **kwargs):
        if row.site_id == two:
            raise OSError("the disk is full")
        real(row, *args, **kwargs)

    monkeypatch.setattr(Maintenance, "save", save)
    with pytest.raises(OSError):
        said("on", 1, two)
    assert closed() == set()


def test_without_a_site_id_it_says_what_is_missing(given):
    given(SITE_ID=None)
    with pytest.raises(CommandError, match="Say which site"):
        said("on")
