"""How a permit rides with a response of Django, and ends with its last byte."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, AsyncIterator, Iterator, Optional

from asgiref.sync import sync_to_async

from ._core import Permit

#: A loop holds its tasks by weak references alone.
_waiting: "set[asyncio.Task[None]]" = set()


class Release:
    """Ends a permit when it is called. Caches keep copies of responses; such a copy has no permit."""

    __slots__ = ("permit",)

    def __init__(self, permit: Optional[Permit] = None) -> None:
        self.permit = permit

    def __call__(self) -> None:
        if self.permit is not None:
            self.permit.release()

    def __reduce__(self) -> Any:
        return Release, ()


def hand_over(permit: Permit, request: Any, response: Any) -> None:
    """Ends the permit when the response is closed: servers do that after its last byte (PEP 3333; Django's ASGI handler).

    Nothing else may hold it from here on. A response that is thrown away for another one is never closed, and a request
    lies in circles that Python looks for only now and then.
    """
    release = Release(permit)
    response._resource_closers.append(release)
    # Django's ASGI handler does not close a response whose stream has failed.
    if hasattr(request, "scope") and response.streaming:
        # What `streaming_content` gives holds the response, which would hold it in turn.
        watched = _awatched if response.is_async else _watched
        response.streaming_content = watched(response._iterator, release)


def _watched(parts: "Iterator[Any]", release: Release) -> "Iterator[Any]":
    try:
        yield from parts
    except BaseException:
        release()
        raise


async def _awatched(parts: "AsyncIterator[Any]", release: Release) -> "AsyncIterator[Any]":
    try:
        async for part in parts:
            yield part
    except BaseException:
        release()
        raise


def let_go(permit: Permit, error: BaseException) -> None:
    """Ends the permit of a request that has ended with an error in place of a response.

    Django cancels a request when its visitor has gone. What runs in the request's thread, a view that is no coroutine among
    it, is not cancelled by that: the permit ends behind it.
    """
    if not isinstance(error, asyncio.CancelledError):
        return permit.release()
    task = asyncio.get_running_loop().create_task(_behind(permit))
    _waiting.add(task)
    task.add_done_callback(_waiting.discard)


async def _behind(permit: Permit) -> None:
    try:
        with suppress(RuntimeError):  # The thread is gone already.
            await sync_to_async(permit.release)()
    finally:
        permit.release()
