"""What templates and code may know of the switch, and closing around a block of code."""

from __future__ import annotations

import json
import logging
from asyncio import to_thread
from contextlib import ContextDecorator
from functools import cache, cached_property, wraps
from typing import Any, Callable, Optional, TypeVar

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured

from backsoon import Control, Instance, Kept, host

from .conf import Conf

Work = TypeVar("Work", bound=Callable[..., Any])

logger = logging.getLogger("backsoon.django")

#: The members of the fleet in this process; the middleware of the site is the last one.
MEMBERS: "list[Instance]" = []
_by_settings: "dict[str, Instance]" = {}


def member(conf: Conf, holding: str) -> Instance:
    """The member of this process for these settings: one, however many handlers there are."""
    of = f"{holding} {conf.given!r}"
    if of not in _by_settings:
        _by_settings[of] = conf.instance(holding)
    found = _by_settings[of]
    if found in MEMBERS:
        MEMBERS.remove(found)
    MEMBERS.append(found)
    return found


class Maintenance:
    """How the site stands: ``mode``, ``message``, ``reopens``, ``upcoming``, ``announced``. Nothing is asked for before it is used."""

    def __init__(self, instance: Optional[Instance], request: Any) -> None:
        self._instance, self._request = instance, request

    @cached_property
    def _standing(self) -> "dict[str, Any]":
        # Error pages are rendered without a request: how all sites stand.
        site = (self._request is not None and host.of(self._request)) or "*"
        return self._instance.standing(site) if self._instance is not None else _in_the_store(site)

    @property
    def mode(self) -> str:
        return self._standing["mode"]

    @property
    def message(self) -> Optional[str]:
        return (self._standing["window"] or {}).get("message")

    @property
    def reopens(self) -> Optional[str]:
        return self._standing["reopens"]

    @property
    def upcoming(self) -> "list[dict[str, Any]]":
        return self._standing["upcoming"]

    @property
    def announced(self) -> "Optional[dict[str, Any]]":
        """The closing to come that visitors are to be told about by now, as the site's page says."""
        return self._standing["announced"]


def _in_the_store(site: str) -> "dict[str, Any]":
    """How a site stands, for a process in which no middleware follows the store."""
    try:
        return json.loads(_control(Conf().store).standing(site))
    except (ConnectionError, ImproperlyConfigured, RuntimeError, ValueError) as error:
        # Whatever is rendered here, a mail perhaps, is no worse than it was without us.
        logger.warning("nobody knows how the site stands, so it counts as open: %s", error)
        return {"mode": "off", "window": None, "reopens": None, "upcoming": [], "announced": None}


@cache
def _control(url: str) -> Control:
    return Control(url, "django")


class maintenance(ContextDecorator):
    """Closes a site while a block or a function runs, by a window of its own, and ends exactly that one.

    >>> with maintenance("shop.example.com", message="We are moving house."):
    ...     move()
    """

    def __init__(self, site: str = "*", *, mode: str = "on", message: Optional[str] = None, note: str = "") -> None:
        self.site, self.mode, self.message, self.note = site, mode, message, note
        self.kept: "list[Kept]" = []

    def __call__(self, work: Work) -> Work:  # type: ignore[override]
        if not iscoroutinefunction(work):
            return super().__call__(work)  # type: ignore[return-value]

        @wraps(work)
        async def closed(*args: Any, **kwargs: Any) -> Any:
            async with self:
                return await work(*args, **kwargs)

        return closed  # type: ignore[return-value]

    def __enter__(self) -> "maintenance":
        # A stack, since one decorated function may run several times at once.
        control = Control(Conf().store, "django")
        self.kept.append(control.keep(self.site, self.mode, self.message, self.note))
        return self

    def __exit__(self, *_: object) -> None:
        self.kept.pop().end()

    async def __aenter__(self) -> "maintenance":
        # The store may take its time; the loop goes on meanwhile.
        return await to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await to_thread(self.__exit__)
