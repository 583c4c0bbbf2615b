"""The lock file: there, and the site is closed."""

from __future__ import annotations

import os
from contextlib import suppress

from .conf import DEFAULTS, OLD_LOCKFILE, live


def places() -> "list[str]":
    """Where a lock file closes. Where nobody has named a place, one in the old place closes as well, so that a site that was
    closed with the original stays so."""
    named = live("MAINTENANCE_LOCKFILE_PATH")
    return [named, OLD_LOCKFILE] if named == DEFAULTS["MAINTENANCE_LOCKFILE_PATH"] else [named] if named else []


def is_there() -> bool:
    return any(map(os.path.isfile, places()))


def make() -> None:
    """Makes it, whatever is in it.

    # Errors
    ``OSError`` if it cannot be made, or if nobody has named a place: then the site stays open.
    """
    if not places():
        raise FileNotFoundError("settings.MAINTENANCE_LOCKFILE_PATH names no file")
    open(places()[0], "ab", 0).close()


def remove() -> None:
    for place in filter(os.path.isfile, places()):
        with suppress(FileNotFoundError):  # Somebody else was faster.
            os.remove(place)
