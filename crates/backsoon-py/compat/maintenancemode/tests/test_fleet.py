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


@pytest.mark.parametrize("prefix", ["", "/app"])
def test_ways_around_a_rule_are_none_on_a_real_server(prefix, tmp_path, open_urls, monkeypatch):
    open_urls("^pages/", "^(?=docs)docs")
    monkeypatch.setenv("SCRIPT_NAME", prefix)
    text = f"from orchard.settings import *\nDATABASES['default']['NAME'] = {settings.DATABASES['default']['NAME']!r}\n"
    text += "MAINTENANCE_MODE = True\nMAINTENANCE_IGNORE_URLS = ['^/pages/', '^/(?=docs)docs']\n"
    with fleet.served(text, tmp_path, HERE, "--workers=1") as port:
        assert fleet.get(port, f"{prefix}/pages/7") == 200 and fleet.get(port, f"{prefix}/docs/") == 200 and fleet.get(port, f"{prefix}/") == 503
        for path in ("/pages%2f..%2fcart", "/pages/../cart", "/pages/%2e%2e/cart", "/pages%2f7", "/pages//7", "/pages/;x/../cart", "/pages/%252e", "/docs%2f"):
            assert fleet.get(port, prefix + path) == 503, path
