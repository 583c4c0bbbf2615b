"""Several workers of a real server over one store, closed under load."""

import sys
from pathlib import Path

import pytest
from django.conf import settings

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

import fleet  # noqa: E402


@pytest.mark.parametrize("flag", ["--workers=4", "--preload"])
def test_closed_under_load_nobody_gets_in(flag, tmp_path):
    store = f"file:{tmp_path}/store"
    text = f"from orchard.settings import *\nMAINTENANCE_STORE = {store!r}\nMAINTENANCE_IGNORE_URLS = ['^/pages/']\n"
    text += f"DATABASES['default']['NAME'] = {settings.DATABASES['default']['NAME']!r}\n"
    with fleet.served(text, tmp_path, HERE, flag) as port:
        fleet.closed_under_load(port, fleet.backsoon_over(store, tmp_path))


def test_the_row_closes_every_worker(tmp_path, closed):
    text = f"from orchard.settings import *\nDATABASES['default']['NAME'] = {settings.DATABASES['default']['NAME']!r}\n"
    with fleet.served(text, tmp_path, HERE, "--workers=4") as port:
        for n in range(300):
            closed.is_being_performed = n % 2 == 0
            closed.save()
            assert fleet.get(port) == (503 if n % 2 == 0 else 200)
