"""``maintenance`` in templates."""

from typing import Any

from .context import MEMBERS, Maintenance


def maintenance(request: Any) -> "dict[str, Maintenance]":
    return {"maintenance": Maintenance(MEMBERS[-1] if MEMBERS else None, request)}
