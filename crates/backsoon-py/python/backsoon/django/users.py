"""Who the user is, in the core's words."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

from asgiref.sync import async_to_sync, sync_to_async

from .conf import takes_async

logger = logging.getLogger("backsoon.django")

SIGNED_IN, STAFF, SUPERUSER = 1, 2, 4


def bits(user: Any) -> int:
    """What rules can ask of a user; somebody who is not active is nobody."""
    if user is None or not getattr(user, "is_authenticated", False) or not getattr(user, "is_active", True):
        return 0
    staff, superuser = getattr(user, "is_staff", False), getattr(user, "is_superuser", False)
    return SIGNED_IN | (STAFF if staff else 0) | (SUPERUSER if superuser else 0)


def known(request: Any, find: Optional[Callable[..., Any]]) -> int:
    """The user of a request. A database that is down makes everybody a stranger, never an error."""
    try:
        if find is None:
            return bits(getattr(request, "user", None))
        return bits((async_to_sync(find) if takes_async(find) else find)(request))
    except Exception:
        logger.exception("nobody can say who the user is; the request counts as a stranger's")
        return 0


async def aknown(request: Any, find: Optional[Callable[..., Any]]) -> int:
    """The same without a hop to another thread where Django offers that."""
    try:
        if find is not None:
            return bits(await (find if takes_async(find) else sync_to_async(find))(request))
        if hasattr(request, "auser"):
            return bits(await request.auser())
        return await sync_to_async(lambda: bits(getattr(request, "user", None)))()
    except Exception:
        logger.exception("nobody can say who the user is; the request counts as a stranger's")
        return 0
