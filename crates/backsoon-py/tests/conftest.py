"""A Django site for the tests, and what they share."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

import django  # noqa: E402

django.setup()

from django.test import override_settings  # noqa: E402

from backsoon.django import context  # noqa: E402


@pytest.fixture
def store(tmp_path):
    """The URL of a store of this test's own."""
    return f"file:{tmp_path}/state"


@pytest.fixture
def backsoon(store, tmp_path):
    """Runs the command line over that store, and expects that everything was done."""
    import subprocess

    def run(*words, code=0):
        environment = {**os.environ, "BACKSOON_STORE": store, "HOME": str(tmp_path)}
        line = [sys.executable, "-m", "backsoon", *words]
        ran = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == code, f"{words}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr

    return run


@pytest.fixture
def site(store):
    """The settings of a site that follows the test's store, with more of them on request."""
    fields = []

    def follow(**more):
        field = override_settings(BACKSOON={"STORE": store, "POLL": 0.05, **more})
        field.enable()
        fields.append(field)

    follow.store = store
    yield follow
    for field in reversed(fields):
        field.disable()
    for member in context.MEMBERS:
        member.leave()
    context.MEMBERS.clear()
