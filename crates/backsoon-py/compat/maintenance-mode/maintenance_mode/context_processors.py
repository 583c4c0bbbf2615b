"""``maintenance_mode`` in templates."""

from typing import Any

from .core import get_known_maintenance_mode


def maintenance_mode(request: Any) -> "dict[str, Any]":
    return {"maintenance_mode": get_known_maintenance_mode(request)}
