"""``maintenance_mode`` in templates."""

from typing import Any

from .core import get_known_maintenance_mode, get_maintenance_mode

#: Tests of a site may put something in its place.
_mode = get_maintenance_mode


def maintenance_mode(request: Any) -> "dict[str, Any]":
    is_replaced = get_maintenance_mode is not _mode
    return {"maintenance_mode": get_maintenance_mode() if is_replaced else get_known_maintenance_mode(request)}
