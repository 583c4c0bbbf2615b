"""This process in the fleet, and the windows of a package in a store."""

from __future__ import annotations

import json
from threading import Lock
from typing import Any, Callable, Optional

from django.http import HttpResponse

from backsoon import Control, Instance, Reply, permits
from backsoon.instance import name_pass

from .exceptions import Exceptions, is_admitted

SITE = "*"
EVERYTHING = {"path": {"prefix": "/"}}

#: What a `Control` raises: a store that is away, one that refuses, a site that cannot be called so.
TROUBLES = (ConnectionError, RuntimeError, ValueError)

_controls: "dict[str, Control]" = {}


class Member:
    """This process in the fleet that follows the store at ``url``, with rules of its own."""

    def __init__(self, url: str, exceptions: Exceptions, rules: "list[dict[str, Any]]") -> None:
        self.rules = exceptions
        self.instance = Instance(
            url, rules=rules, trusted_proxies=exceptions.proxies or None, health="off", holding="refuses"
        )
        #: Whether it was asked before, so that asking it waits for no store.
        self.is_asked = False

    def mode(self, site: str = SITE) -> str:
        return self.instance.mode(site)

    def refuses_strangers(self, request: Any, host: str) -> bool:
        """Whether the mode refuses a request of which nothing more is known."""
        return self.instance.refuses_strangers(host, request.method)


class Membership:
    """The one member of this process. Other settings make another member of it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now: "Optional[tuple[Any, Member]]" = None

    def member(self, url: str, given: Any, make: "Callable[[], Member]") -> Member:
        """The member at ``url`` of the settings ``given``."""
        known = (url, given)
        with self._lock:
            if self._now is None or self._now[0] != known:
                before, self._now = self._now, (known, make())
                if before is not None:
                    before[1].instance.leave()
            return self._now[1]

    def at(self, url: str) -> "Optional[Member]":
        """The member at ``url`` if there is one."""
        now = self._now
        return now[1] if now is not None and now[0][0] == url else None

    def leave(self) -> None:
        """Says farewell, if this process is a member."""
        with self._lock:
            if self._now is not None:
                self._now[1].instance.leave()
                self._now = None


class Counting:
    """A member whose permits stay with the request.

    To be refused is to be counted, so nobody is refused twice: whoever asks again hears the same, unless the view is open.
    """

    def __init__(self, request: Any, instance: Any) -> None:
        self.request, self.instance = request, instance

    def try_admit(self, request_seen: Any, user: Optional[int] = None, route: Optional[bool] = None) -> Any:
        by, refusal = self.request.__dict__.get("_maintenance_refusal", (None, None))
        if by is self.instance and route is not True:
            return refusal
        answer = self.instance.try_admit(request_seen, user, route)
        self.request._maintenance_permit = answer if is_admitted(answer) else None
        if isinstance(answer, Reply):
            self.request._maintenance_refusal = self.instance, answer
        return answer


def kept(request: Any, response: Any) -> Any:
    """Ends what a Backsoon store counts with the last byte of the response: servers close it then."""
    if "_maintenance_permit" in request.__dict__:
        permit = request.__dict__.pop("_maintenance_permit")
        if permit is not None and permit.pass_id is not None:
            name_pass(response, permit.pass_id)
        if permit is not None and hasattr(response, "_resource_closers"):
            permits.hand_over(permit, request, response)
    return response


def is_link(answer: Any) -> bool:
    """Whether it answers the link of a pass."""
    return isinstance(answer, Reply) and answer.because == "link"


def response_of(reply: Reply) -> HttpResponse:
    """The core's own answer, as it stands."""
    return HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))


def control(url: str) -> Control:
    return _controls.setdefault(url, Control(url, "django"))


def windows(url: str, site: str = SITE) -> "list[dict[str, Any]]":
    """Every window of one site, ours and others'. Those of all sites are the site ``*``'s."""
    return windows_by_site(url).get(site, [])


def windows_by_site(url: str) -> "dict[str, list[dict[str, Any]]]":
    """The same for every site, asked once."""
    state = json.loads(control(url).read() or "{}")
    known = {SITE: state.get("default", {}), **state.get("sites", {})}
    return {site: [{"note": "", **window} for window in of.get("windows", [])] for site, of in known.items()}
