"""The example project, as its README says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "django"

VISIT = """
import django; django.setup()
from django.test import Client
door = Client()
for path in ("/", "/hooks/paid/"):
    answer = door.get(path)
    print(answer.status_code, answer.content.decode().strip().splitlines()[-1])
"""


@pytest.fixture
def run(tmp_path):
    """Runs Python in a copy of the example, so that its state is nobody else's."""
    place = tmp_path / "django"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("state", "__pycache__"))
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop.settings"}

    def run(*words, code=0):
        line = [sys.executable, *words]
        ran = subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == code, f"{words}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr

    return run


def test_it_is_sound_and_closes(run):
    assert "no issues" in run("manage.py", "check")
    assert "200" in run("-c", VISIT).splitlines()[0]
    run("manage.py", "maintenance", "on", "--message", "We are moving house.")
    assert "We are moving house." in run("manage.py", "maintenance", "status")
    home, hook = [line for line in run("-c", VISIT).splitlines() if line[:3] in ("200", "503")]
    assert home.startswith("503") and hook == "200 thank you"
    run("manage.py", "maintenance", "off")
    run("manage.py", "maintenance", "on", "--at", "2099-01-01 00:00 UTC", "--message", "Soon.")
    assert "200" in run("-c", VISIT)
    assert "unrecognized subcommand" in run("manage.py", "maintenance", "statsu", code=2)
