"""Several workers of a real server over one store, closed under load."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

import fleet  # noqa: E402


@pytest.mark.parametrize("flag", ["--workers=4", "--preload"])
def test_closed_under_load_nobody_gets_in(flag, tmp_path):
    store = f"file:{tmp_path}/store"
    settings = f"from garden.settings import *\nMAINTENANCE_MODE_STORE = {store!r}\nMAINTENANCE_MODE_IGNORE_URLS = ['^/pages/']\n"
    with fleet.served(settings, tmp_path, HERE, flag) as port:
        fleet.closed_under_load(port, fleet.backsoon_over(store, tmp_path))
