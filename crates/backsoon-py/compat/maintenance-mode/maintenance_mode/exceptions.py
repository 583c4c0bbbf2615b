"""Who is let in while the mode is on: the settings as rules of the core."""

from __future__ import annotations

from typing import Any, Optional

from backsoon.dropin.exceptions import (  # noqa: F401  (names that were always here)
    Exceptions,
    compiled,
    is_admitted,
    is_pattern,
    listed,
    network,
    seen,
    sorted_addresses,
)

from .live import live

KINDS = (
    ("anonymous", "MAINTENANCE_MODE_IGNORE_ANONYMOUS_USER"),
    ("authenticated", "MAINTENANCE_MODE_IGNORE_AUTHENTICATED_USER"),
    ("staff", "MAINTENANCE_MODE_IGNORE_STAFF"),
    ("superuser", "MAINTENANCE_MODE_IGNORE_SUPERUSER"),
)

_current: "Optional[tuple[Any, Exceptions]]" = None
_parts: "dict[Any, Exceptions]" = {}


def current() -> Exceptions:
    """What the settings say at this moment. They may have been assigned or changed in place, so they are compared."""
    global _current
    given = (
        *(live("MAINTENANCE_MODE_IGNORE_ANONYMOUS_USER"), live("MAINTENANCE_MODE_IGNORE_AUTHENTICATED_USER")),
        *(live("MAINTENANCE_MODE_IGNORE_STAFF"), live("MAINTENANCE_MODE_IGNORE_SUPERUSER")),
        listed(live("MAINTENANCE_MODE_IGNORE_IP_ADDRESSES")),
        listed(live("MAINTENANCE_MODE_IGNORE_URLS")),
    )
    known = _current
    if known is None or known[0] != given:
        kinds = [kind for (kind, _), ignored in zip(KINDS, given) if ignored]
        known = _current = (given, Exceptions(kinds, given[4], given[5]))
    return known[1]


def part(kinds: "tuple[str, ...]" = (), addresses: Any = None, urls: Any = None) -> Exceptions:
    """What one kind of setting says alone."""
    given = (kinds, listed(addresses), listed(urls))
    if given not in _parts:
        if len(_parts) > 32:
            _parts.clear()
        _parts[given] = Exceptions(*given)
    return _parts[given]
