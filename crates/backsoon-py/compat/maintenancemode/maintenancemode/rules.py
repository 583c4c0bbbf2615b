"""Who is let in, by which source: the settings as rules of the core.

Each source that closes has exceptions of its own. They are kept for as long as the settings are what they were; the values
themselves are compared, since lists are changed in place.
"""

from __future__ import annotations

from typing import Any, Callable, Hashable, Iterable

from backsoon.dropin.exceptions import Exceptions, listed

from . import addresses
from .conf import copied, live

_kept: "dict[Hashable, tuple[Any, Exceptions]]" = {}


def of_setting() -> Exceptions:
    """Of what django-maintenancemode closes: the setting and the lock file."""
    staff, superuser = live("MAINTENANCE_ALLOW_STAFF"), live("MAINTENANCE_ALLOW_SUPERUSER")
    urls = listed(copied("IGNORE_URLS"))
    return _keeping("setting", (staff, superuser, *_addresses(), urls), lambda: _made(staff, superuser, urls))


def of_row(site: Hashable, patterns: "tuple[str, ...]") -> Exceptions:
    """Of what django-maintenancemode-2 closes: the row of a site, and the patterns that belong to it."""
    blocked, urls = copied("MAINTENANCE_BLOCK_STAFF"), listed(copied("MAINTENANCE_ADMIN_IGNORED_URLS"))
    given = (blocked, *_addresses(), urls, patterns)
    # One pattern may stand in both lists.
    return _keeping(("row", site), given, lambda: _made(not blocked, True, dict.fromkeys((*patterns, *urls)), "/"))


def of_patterns(patterns: "tuple[Any, ...]") -> Exceptions:
    """Of patterns alone, as a row has them."""
    return _keeping(("patterns", patterns), None, lambda: Exceptions([], [], patterns, "/"))


def _addresses() -> "tuple[Any, ...]":
    return addresses.internal(), listed(live("MAINTENANCE_TRUSTED_PROXIES"))


def _made(staff: Any, superuser: Any, urls: "Iterable[Any]", root: str = "") -> Exceptions:
    kinds = [kind for kind, is_let_in in (("staff", staff), ("superuser", superuser)) if is_let_in]
    return Exceptions(kinds, addresses.networks(), urls, root, proxies())


def proxies() -> "list[str]":
    """The networks of proxies. What is none is believed by nobody; the system check says so."""
    given = listed(live("MAINTENANCE_TRUSTED_PROXIES"))
    return [found for entry in given if (found := addresses.network(str(entry))) is not None]


def _keeping(name: Hashable, given: Any, make: "Callable[[], Exceptions]") -> Exceptions:
    known = _kept.get(name)
    if known is None or known[0] != given:
        if len(_kept) > 1000:
            _kept.clear()
        known = _kept[name] = (given, make())
    return known[1]
