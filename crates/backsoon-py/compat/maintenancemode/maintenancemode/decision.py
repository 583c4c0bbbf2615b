"""Whether a request is refused, and by which source.

Rust decides. Two sources may close: the setting or the lock file, and the row of the site. Each has exceptions of its own, and if
both close, both must admit. With a store there is one.
"""

from __future__ import annotations

import logging
from typing import Any, Optional

from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpResponse

from backsoon import Ask
from backsoon._core import LINKS
from backsoon.dropin.exceptions import Exceptions, is_admitted, listed, seen
from backsoon.dropin.member import Counting, Member, is_link, response_of
from backsoon.dropin.trouble import Trouble

from . import addresses, lock, row, rules, utils
from .conf import live

trouble = Trouble(logging.getLogger(__name__), "nobody can say who the user is, so the rules about users are left out")

SETTING, ROW = "setting", "row"


def refused_by(request: Any) -> Optional[str]:
    """The source that refuses a request, or None."""
    if live("MAINTENANCE_STORE") and not utils.is_status_replaced():
        return _refused_by_store(request)
    if is_closed_by_setting():
        found = rules.of_setting()
        if not _admits(request, found, found.door, seen(request)):
            return SETTING
    if row.is_there():
        known = row.read(request)
        if known.is_closed:
            found = rules.of_row(known.site, known.patterns)
            if not _admits(request, found, found.door, seen(request)):
                return ROW
    return None


def answer_to_link(request: Any) -> Optional[HttpResponse]:
    """The answer to the link of a pass, which no view and no exception has a say in."""
    if not request.path_info.startswith(LINKS) or not live("MAINTENANCE_STORE"):
        return None
    from . import store

    door = Counting(request, store.member().instance)
    answer = door.try_admit(seen(request, host=store.host(request)))
    return response_of(answer) if is_link(answer) else None


def is_closed_by_setting() -> bool:
    return bool(live("MAINTENANCE_MODE")) or (utils.status() if utils.is_status_replaced() else lock.is_there())


def _refused_by_store(request: Any) -> Optional[str]:
    from . import store

    here = store.member()
    # It counts the request until its last byte: see the middleware.
    door, host = Counting(request, here.instance), store.host(request)
    request_seen = seen(request, host=host)
    # To be refused is to be counted, so what the member does not know is looked for beforehand.
    is_closed = _is_closed_by_store(request, here, host)
    if is_closed and _is_opened_besides(request, here.rules, request_seen):
        is_let_in = is_admitted(door.try_admit(request_seen, None, True))
    else:
        is_let_in = _admits(request, here.rules, door, request_seen)
    here.is_asked = True
    if is_let_in:
        return None
    if not row.is_there():
        return SETTING
    if not is_closed and _row_opens(request, request_seen):
        # A rule refuses although the site is open.
        return None if is_admitted(door.try_admit(request_seen, None, True)) else ROW
    return ROW


def _is_closed_by_store(request: Any, here: Member, host: str) -> bool:
    return bool(live("MAINTENANCE_MODE")) or here.refuses_strangers(request, host)


def _is_opened_besides(request: Any, found: Exceptions, request_seen: Any) -> bool:
    """Whether something opens it that the member does not know: the row is asked only if no setting does."""
    if _is_opened_by_python(request, found, request_seen):
        return True
    return row.is_there() and not _admits(request, found, found.door, request_seen) and _row_opens(request, request_seen)


def is_plainly_open_by_store(request: Any) -> bool:
    """Whether the store opens the site to everybody. If it does, the request is counted from here on."""
    from . import store

    here = store.known()
    if here is None or here is not store.member():
        return False
    try:
        host = store.host(request)
    except SynchronousOnlyOperation:  # Nobody knows the domain yet.
        return False
    if _is_closed_by_store(request, here, host):
        return False
    return is_admitted(Counting(request, here.instance).try_admit(seen(request, host=host)))


def _row_opens(request: Any, request_seen: Any) -> bool:
    """Whether a pattern of the row or of the admin opens the path; the member knows only what settings say to the core."""
    found = rules.of_patterns((*row.patterns(request), *listed(live("MAINTENANCE_ADMIN_IGNORED_URLS"))))
    return is_admitted(found.door.try_admit(request_seen)) or found.admits_path(request, request_seen)


def _admits(request: Any, found: Exceptions, door: Any, request_seen: Any) -> bool:
    """What the core says of a request to a closed site."""
    answer = door.try_admit(request_seen)
    if isinstance(answer, Ask):
        answer = door.try_admit(request_seen, _user(request))
    if is_admitted(answer):
        return True
    # Only now what the core cannot evaluate by itself.
    return _is_opened_by_python(request, found, request_seen) and is_admitted(door.try_admit(request_seen, None, True))


def _is_opened_by_python(request: Any, found: Exceptions, request_seen: Any) -> bool:
    # Behind a proxy that is trusted, the address of the connection is the proxy's.
    is_known = not found.proxies and addresses.names(request.META.get("REMOTE_ADDR"))
    return is_known or found.admits_path(request, request_seen)


def _user(request: Any) -> int:
    """The user in the core's words. A database that is down makes a stranger of everybody, never an error."""
    try:
        user = getattr(request, "user", None)
        return (2 if getattr(user, "is_staff", False) else 0) | (4 if getattr(user, "is_superuser", False) else 0)
    except Exception as error:
        trouble.log(error)
        return 0
