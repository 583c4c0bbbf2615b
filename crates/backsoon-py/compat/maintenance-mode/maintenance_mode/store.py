"""The state in a Backsoon store, which all servers of a site follow: ``MAINTENANCE_MODE_STORE = "redis://…"``.

What this package switches is one window of its own, told by its note; it ends no other. Whether the site is closed
depends on all windows. A process that serves requests is a member of the fleet, so that ``backsoon on --wait`` waits for it.
"""

from __future__ import annotations

import json
from threading import Lock
from typing import Any, Optional

from backsoon import Control, Instance

from . import exceptions
from .backends import AbstractStateBackend
from .live import live
from .utils import parse_aware_datetime

#: By which our window is told from those of operators.
NOTE = "maintenance_mode of Django"
SITE = "*"

_lock = Lock()
_controls: "dict[str, Control]" = {}
_member: "Optional[tuple[Any, Member]]" = None


class StoreBackend(AbstractStateBackend):
    """Our own window, and nothing of the others."""

    def get_value(self) -> Any:
        for window in windows():
            if window["note"] == NOTE:
                schedule = {"start": window.get("start"), "end": window.get("end")}
                return schedule if any(schedule.values()) else True
        return False

    def set_value(self, value: Any) -> None:
        if not isinstance(value, dict):
            is_on = self.from_str_to_bool_value(self.from_bool_to_str_value(value))
            control().replace(SITE, NOTE, "on" if is_on else None)
            return
        schedule = self.validate_schedule_state_value(value)
        start, end = (parse_aware_datetime(schedule.get(name)) for name in ("start", "end"))
        control().replace(SITE, NOTE, "on", start and start.isoformat(), end and end.isoformat())


class Member:
    """This process in the fleet, with the settings as rules of its own."""

    def __init__(self, url: str, rules: exceptions.Exceptions, mode: Any) -> None:
        self.rules = rules
        everything = {"path": {"prefix": "/"}}
        told = rules.rules(rules.kinds)
        # The setting beats the store; as a rule with a name it is in the report, and so in every receipt.
        if mode is not None and not mode:
            told = [{"name": "MAINTENANCE_MODE = False", "then": "open", "when": everything}]
        elif mode:
            told.append({"name": "MAINTENANCE_MODE = True", "then": "closed", "when": everything})
        self.instance = Instance(url, rules=told, health="off", holding="refuses")

    def mode(self) -> str:
        return self.instance.standing(SITE)["mode"]


def member() -> Member:
    """This process in the fleet. Other settings make another member of it."""
    global _member
    rules, mode = exceptions.current(), live("MAINTENANCE_MODE")
    known = (live("MAINTENANCE_MODE_STORE"), rules, mode)
    with _lock:
        if _member is None or _member[0] != known:
            before, _member = _member, (known, Member(str(live("MAINTENANCE_MODE_STORE")), rules, mode))
            if before is not None:
                before[1].instance.leave()
        return _member[1]


def leave() -> None:
    """Says farewell, if this process is a member."""
    global _member
    with _lock:
        if _member is not None:
            _member[1].instance.leave()
            _member = None


def control() -> Control:
    url = str(live("MAINTENANCE_MODE_STORE"))
    return _controls.setdefault(url, Control(url, "django"))


def windows() -> "list[dict[str, Any]]":
    """Every window of all sites, ours and others'."""
    state = json.loads(control().read() or "{}")
    return [{"note": "", **window} for window in state.get("default", {}).get("windows", [])]


def is_closed() -> bool:
    """Whether the site is closed by any window, as the store says at this moment."""
    return control().mode(SITE) != "off"


def is_closed_here() -> bool:
    """The same as this process knows it, without asking the store if it follows it already."""
    if _member is not None and _member[0][0] == live("MAINTENANCE_MODE_STORE"):
        return _member[1].mode() != "off"
    return is_closed()
