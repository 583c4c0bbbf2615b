"""The state in a Backsoon store, which all servers of a site follow: ``MAINTENANCE_MODE_STORE = "redis://…"``.

What this package switches is one window of its own, told by its note; it ends no other. Whether the site is closed
depends on all windows. A process that serves requests is a member of the fleet, so that ``backsoon on --wait`` waits for it.
"""

from __future__ import annotations

from typing import Any

from backsoon import Control, host
from backsoon.dropin.member import EVERYTHING, SITE, Member, Membership
from backsoon.dropin.member import control as control_at
from backsoon.dropin.member import windows as windows_at

from . import exceptions
from .backends import AbstractStateBackend
from .live import live
from .utils import get_now_datetime, parse_aware_datetime

#: By which our window is told from those of operators.
NOTE = "maintenance_mode of Django"

_membership = Membership()


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
        if end is not None and end <= get_now_datetime():
            # What there was before a block of code, and is over by now. A window that is over cannot be made.
            return control().replace(SITE, NOTE, None)
        control().replace(SITE, NOTE, "on", start and start.isoformat(), end and end.isoformat())


def member() -> Member:
    """This process in the fleet, with the settings as rules of its own."""
    rules, mode, url = exceptions.current(), live("MAINTENANCE_MODE"), str(live("MAINTENANCE_MODE_STORE"))
    return _membership.member(url, (rules, mode), lambda: Member(url, rules, _told(rules, mode)))


def _told(rules: exceptions.Exceptions, mode: Any) -> "list[dict[str, Any]]":
    # The setting beats the store; as a rule with a name it is in the report, and so in every receipt.
    if mode is not None and not mode:
        return [{"name": "MAINTENANCE_MODE = False", "then": "open", "when": EVERYTHING}]
    closes = [{"name": "MAINTENANCE_MODE = True", "then": "closed", "when": EVERYTHING}] if mode else []
    return [*rules.rules(rules.kinds), *closes]


def leave() -> None:
    """Says farewell, if this process is a member."""
    _membership.leave()


def control() -> Control:
    return control_at(str(live("MAINTENANCE_MODE_STORE")))


def windows() -> "list[dict[str, Any]]":
    """Every window of all sites, ours and others'."""
    return windows_at(str(live("MAINTENANCE_MODE_STORE")))


def is_closed() -> bool:
    """Whether the site is closed by any window, as the store says at this moment."""
    return control().mode(SITE) != "off"


def is_closed_here(request: Any = None) -> bool:
    """The same of a request's host as this process knows it, without asking the store if it follows it already."""
    site = host.of(request) if hasattr(request, "META") else SITE
    here = _membership.at(str(live("MAINTENANCE_MODE_STORE")))
    return (here.mode(site) if here is not None else control().mode(site)) != "off"
