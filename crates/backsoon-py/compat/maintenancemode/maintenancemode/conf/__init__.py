"""The settings and their defaults, which this module puts on ``django.conf.settings`` where a site says nothing."""

import os
import sys
from typing import Any

from django.conf import settings

from backsoon.dropin.live import beside_settings, put, reader

DEFAULTS = {
    # Of django-maintenancemode.
    "MAINTENANCE_MODE": False,
    "MAINTENANCE_IGNORE_URLS": (),
    "MAINTENANCE_ALLOW_STAFF": True,
    "MAINTENANCE_ALLOW_SUPERUSER": True,
    "MAINTENANCE_LOCKFILE_PATH": beside_settings("maintenance.lock"),
    # Of django-maintenancemode-2.
    "MAINTENANCE_503_TEMPLATE": "503.html",
    "MAINTENANCE_ADMIN_IGNORED_URLS": ["^admin"],
    "MAINTENANCE_BLOCK_STAFF": False,
    # Of neither: the URL of a Backsoon store, for sites that follow one switch, and whose `X-Forwarded-For` is believed.
    "MAINTENANCE_STORE": None,
    "MAINTENANCE_TRUSTED_PROXIES": (),
}

#: Where the original had its lock file if nobody named one: beside its own code.
OLD_LOCKFILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "maintenance.lock")

put(DEFAULTS)

live = reader("maintenancemode.conf")

#: What the originals have copies of in their middleware.
COPIES = {
    "IGNORE_URLS": "MAINTENANCE_IGNORE_URLS",
    "MAINTENANCE_ADMIN_IGNORED_URLS": "MAINTENANCE_ADMIN_IGNORED_URLS",
    "MAINTENANCE_BLOCK_STAFF": "MAINTENANCE_BLOCK_STAFF",
}


def copied(name: str) -> Any:
    """A setting of which the originals have a copy, or what tests of a site have put in the place of that."""
    middleware = sys.modules.get("maintenancemode.middleware")
    replaced = vars(middleware) if middleware is not None else {}
    return replaced[name] if name in replaced else live(COPIES[name])


__all__ = ["settings"]
