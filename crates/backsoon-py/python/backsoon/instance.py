"""This process as a member of the fleet."""

import asyncio
import atexit
import json
import weakref
from typing import Any, Optional, Union

from ._core import Hold, Permit, Reply, Request
from ._core import Instance as Core

# They outrank Cache-Control for caches in front of a site (RFC 9213).
_FOR_CACHES_ALONE = ("CDN-Cache-Control", "Surrogate-Control")

# What a site that is read-only goes on answering.
_READING = ("GET", "HEAD", "OPTIONS")

_members: "weakref.WeakSet[Instance]" = weakref.WeakSet()


class Instance:
    """A process that admits, refuses and counts requests.

    ``store`` is a store's URL. The options are those of ``backsoon.toml``: ``name``, ``kind``, ``rules``,
    ``trusted_proxies``, ``on_unknown``, ``on_lost``, ``holding``, ``copy``, ``serves``, ``health``, and ``poll``, ``beat``
    and ``lease`` in seconds. A ``name`` gets the process and a random part behind it. Nothing is started before the first request, and each child of a fork joins for itself.
    """

    def __init__(self, store: str, **options: Any) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        self._core = Core(store, json.dumps(given, default=str))
        self.try_admit = self._core.try_admit
        self.wait = self._core.wait
        self.join = self._core.join
        self.mode = self._core.mode
        self.leave = self._core.leave
        _members.add(self)

    @property
    def store(self) -> str:
        """The store's URL without its password."""
        return self._core.store

    async def admit(
        self, request: Request, user: int = 0, route: Optional[bool] = None
    ) -> Union[Permit, Reply]:
        """Decides, waiting while the site holds. Nobody else waits meanwhile."""
        answer = self._core.try_admit(request, user, route)
        if not isinstance(answer, Hold):
            return answer
        loop = asyncio.get_running_loop()
        waiting: "asyncio.Future[Union[Permit, Reply]]" = loop.create_future()

        def done(answer: Union[Permit, Reply]) -> None:
            def tell() -> None:
                if not waiting.cancelled():
                    waiting.set_result(answer)

            try:
                loop.call_soon_threadsafe(tell)
            except RuntimeError:  # The loop was closed, and with it whoever waited.
                pass

        place = self._core.admit_later(done, request, user, route)
        try:
            return await waiting
        finally:
            # The visitor may have gone away, and makes room.
            place.cancel()

    def refuses_strangers(self, host: str, method: str) -> bool:
        """Whether the mode refuses a request of which nothing more is known. Unlike a refusal, that counts nothing."""
        mode = self.mode(host)
        return mode != "off" and not (mode == "read-only" and method in _READING)

    def standing(self, host: str = "*") -> "dict[str, Any]":
        """How a site stands: ``mode``, ``window``, ``reopens``, ``upcoming``, ``announced``."""
        return json.loads(self._core.standing(host))

    def report(self) -> "Optional[dict[str, Any]]":
        """What this process says of itself on the roster; None before its first request."""
        report = self._core.report()
        return None if report is None else json.loads(report)


def members() -> "list[Instance]":
    """All that are there in this process."""
    return list(_members)


@atexit.register
def _farewell() -> None:
    for member in members():
        member.leave()


def name_pass(response: Any, pass_id: str) -> None:
    """Names the pass that let a request through; a cache that kept the response would open the site to everybody."""
    response["Backsoon-Pass"] = pass_id
    response["Cache-Control"] = "private, no-store"
    for name in _FOR_CACHES_ALONE:
        if name in response:
            del response[name]
