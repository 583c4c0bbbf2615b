"""Whether a request is refused. What it is refused with is in ``response``.

It is long, since sites and their tests reach for the steps where the original has them: in here.
"""

from __future__ import annotations

import logging
import sys
from operator import is_not
from typing import Any, Optional
from weakref import WeakSet

from django.conf import settings  # noqa: F401  (a name that tests of sites reach for)
from django.contrib.auth import logout
from django.urls import NoReverseMatch, Resolver404, get_resolver, get_script_prefix, reverse
from django.utils.translation import get_language

from backsoon import Ask, host
from backsoon._core import LINKS
from backsoon.dropin.member import Counting, is_link
from backsoon.dropin.trouble import Trouble

from . import exceptions, marks
from .core import get_known_maintenance_mode, get_maintenance_mode
from .exceptions import is_admitted, seen
from .live import live
from .response import (
    get_maintenance_html_response,
    get_maintenance_json_response,
    get_maintenance_response,
    get_maintenance_response_context,
    get_maintenance_response_type,
)
from .utils import get_client_ip_address, import_function

trouble = Trouble(logging.getLogger(__name__), "nobody can say who the user is, so the rules about users are left out")

__all__ = [
    "get_maintenance_html_response",
    "get_maintenance_json_response",
    "get_maintenance_response",
    "get_maintenance_response_context",
    "get_maintenance_response_type",
    "need_maintenance_response",
]

#: Tests of a site may put something in the place of these. Then it is asked, step by step.
_mode, _address = get_maintenance_mode, get_client_ip_address
#: Where the off view is, and which sets of URLs have none: that is the same in every language.
_off: "dict[tuple[Any, ...], str]" = {}
_without: "WeakSet[Any]" = WeakSet()
#: Nobody can say who the user is.
NOBODY = None


# === the decision ===


def need_maintenance_response(request: Any) -> bool:
    """Whether a request is to be refused."""
    if get_maintenance_mode is not _mode:
        is_on = get_maintenance_mode()
    elif live("MAINTENANCE_MODE_STORE"):
        return not _store_admits(request)
    else:
        is_on = get_known_maintenance_mode()
    if not is_on:
        return marks.CLOSED in marks.used and _is_forced(request)
    rules = exceptions.current()
    return not _admits(request, rules, rules.door, rules.door_of_nobody)


def _is_forced(request: Any) -> bool:
    """Whether a view is closed although the mode is off. The middleware sees views later, when Django has found them."""
    is_to_come = getattr(request, "_maintenance_view_to_come", False)
    return not is_to_come and _need_maintenance_from_view(request) is True


def _store_admits(request: Any) -> bool:
    """What this member of the fleet says. It counts the request until its last byte: see the middleware."""
    from . import store

    member, mode = store.member(), live("MAINTENANCE_MODE")
    door = Counting(request, member.instance)
    request_seen = _seen(request)
    if request.path_info.startswith(LINKS) and is_link(answer := door.try_admit(request_seen)):
        # No view and no exception has a say in the link of a pass.
        request._maintenance_link = answer
        return False
    if mode is not None and not mode:
        is_open = is_admitted(door.try_admit(request_seen, None, True))
    elif (mode or member.refuses_strangers(request, host.of(request))) and _is_judged_at_once(request, request_seen):
        # To be refused is to be counted, so what the member does not know is looked for beforehand.
        return _admits(request, member.rules, door, member.rules.door_of_nobody)
    else:
        answer = door.try_admit(request_seen)
        # A rule may admit to a closed site, where users are logged out all the same.
        is_open = is_admitted(answer) and (answer.because in ("mode", "pass") or not _logs_out() or member.mode() == "off")
    if is_open:
        return not (marks.CLOSED in marks.used and _is_forced(request))
    return _admits(request, member.rules, door, member.rules.door_of_nobody)


def _is_judged_at_once(request: Any, request_seen: Any) -> bool:
    """Whether nobody has to know first if a pass opens the site: its bearers are not logged out."""
    if not _logs_out():
        return True
    get_resolver(getattr(request, "urlconf", None)).url_patterns  # Views are marked when they are imported.
    if marks.used and _need_maintenance_from_view(request) is not None:
        return True
    return not request_seen.is_odd and _need_maintenance_from_url(request) is not None


def _seen(request: Any) -> Any:
    # Where the site finds the address itself, that of the connection is a proxy's.
    peer = "" if _finds_address() else None
    return seen(request, peer, host.of(request))


def _admits(request: Any, rules: exceptions.Exceptions, door: Any, door_of_nobody: Any) -> bool:
    """What the core says of a request while the mode is on."""
    # Views are marked when they are imported, which a site that was closed from its start never does.
    get_resolver(getattr(request, "urlconf", None)).url_patterns
    request_seen = _seen(request)
    if any(map(is_not, map(globals().get, STEPS), _own)):
        return is_admitted(door.try_admit(request_seen, None, not _is_refused_by_steps(request)))
    logs_out = _logs_out()
    # Marks come before users, and so before anybody is logged out.
    closed = _need_maintenance_from_view(request) if marks.used else None
    if closed is None and logs_out and not request_seen.is_odd:
        closed = _need_maintenance_from_url(request)
    if closed is not None:
        return is_admitted(door.try_admit(request_seen, None, not closed))
    if not logs_out and isinstance(door, Counting) and _is_opened_by_python(request, rules, request_seen):
        return is_admitted(door.try_admit(request_seen, None, True))
    answer = None if logs_out else door.try_admit(request_seen)
    if answer is None or isinstance(answer, Ask):
        user = _known_user(request)
        answer = (door if user is not NOBODY else door_of_nobody).try_admit(request_seen, user or 0)
        if user is NOBODY and is_admitted(answer):
            answer = door.try_admit(request_seen, None, True)
    if is_admitted(answer):
        return True
    # Only now what the core cannot evaluate by itself.
    return _is_opened_by_python(request, rules, request_seen) and is_admitted(door.try_admit(request_seen, None, True))


def _is_refused_by_steps(request: Any) -> bool:
    """The first step that says anything decides, as in the original."""
    for name in STEPS:
        said = globals()[name](request)
        if isinstance(said, bool):
            return said
    return True


def _is_opened_by_python(request: Any, rules: exceptions.Exceptions, request_seen: Any) -> bool:
    if _need_maintenance_ignore_tests(request) is False:
        return True
    # The core has judged the address of the connection already.
    is_found = rules.address_patterns or _finds_address()
    if (is_found or "REMOTE_ADDR" not in request.META) and _need_maintenance_ignore_ip_addresses(request) is False:
        return True
    if request_seen.is_odd:
        return False
    return (
        rules.admits_path(request, request_seen)
        or _need_maintenance_from_url(request) is False
        or _need_maintenance_ignore_admin_site(request) is False
        or _need_maintenance_redirects(request) is False
    )


def _finds_address() -> bool:
    """Whether the site says itself which address is the client's."""
    return bool(live("MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS")) or get_client_ip_address is not _address


def _logs_out() -> bool:
    return bool(
        live("MAINTENANCE_MODE_LOGOUT_AUTHENTICATED_USER")
        or live("MAINTENANCE_MODE_LOGOUT_STAFF_USER")
        or live("MAINTENANCE_MODE_LOGOUT_SUPERUSER")
    )


def _known_user(request: Any) -> Optional[int]:
    """The user in the core's words, after a logout if the settings ask for one."""
    user = _user_after_logout(request)
    if user is NOBODY:
        return NOBODY
    try:
        signed_in = 0 if user.is_anonymous else 1
        staff, superuser = getattr(user, "is_staff", False), getattr(user, "is_superuser", False)
        return signed_in | (2 if staff else 0) | (4 if superuser else 0)
    except Exception as error:
        return _nobody(error)


def _user_after_logout(request: Any) -> Any:
    user = _get_maintenance_authenticated_user(request)
    try:
        if user is not NOBODY and _need_maintenance_logout_user(user) and hasattr(request, "session"):
            logout(request)
            user = getattr(request, "user", NOBODY)
    except Exception as error:
        return _nobody(error)
    return user


def _nobody(error: Exception) -> None:
    """A database that is down makes nobody of everybody, never an error."""
    trouble.log(error)
    return NOBODY


# === its steps, by the names that sites import; each says False for open, True for closed, None for neither ===


def _need_maintenance_from_view(request: Any) -> Optional[bool]:
    resolver = get_resolver(getattr(request, "urlconf", None))
    try:
        view = resolver.resolve(request.path_info).func
    except Resolver404:
        return None
    if getattr(view, marks.OPENED, False):
        return False
    return True if getattr(view, marks.CLOSED, False) else None


def _need_maintenance_from_url(request: Any) -> Optional[bool]:
    urlconf = getattr(request, "urlconf", None)
    resolver = get_resolver(urlconf)
    if resolver in _without:
        return None
    # Another language or another set of URLs makes another path of it.
    key = (resolver, get_language())
    if key not in _off:
        if len(_off) > 100:
            _off.clear()
        try:
            # Below the prefix that the site is mounted at.
            _off[key] = "/" + reverse("maintenance_mode_off", urlconf=urlconf)[len(get_script_prefix()) :]
        except NoReverseMatch:
            _without.add(resolver)
            return None
    return False if request.path_info == _off[key] else None


def _get_maintenance_authenticated_user(request: Any) -> Any:
    named = live("MAINTENANCE_MODE_GET_AUTHENTICATED_USER")
    if named:
        find = import_function(named, "MAINTENANCE_MODE_GET_AUTHENTICATED_USER")
        try:
            user = find(request=request)
        except Exception as error:
            return _nobody(error)
        if user is not None:
            return user
    return getattr(request, "user", NOBODY)


def _need_maintenance_logout_user(user: Any) -> bool:
    if not user.is_authenticated:
        return False
    superuser, staff = live("MAINTENANCE_MODE_LOGOUT_SUPERUSER"), live("MAINTENANCE_MODE_LOGOUT_STAFF_USER")
    if user.is_superuser and superuser is not None:
        return bool(superuser)
    if user.is_staff and not user.is_superuser and staff is not None:
        return bool(staff)
    return bool(live("MAINTENANCE_MODE_LOGOUT_AUTHENTICATED_USER"))


def _need_maintenance_ignore_users(request: Any) -> Optional[bool]:
    kinds = tuple(kind for kind, setting in exceptions.KINDS if live(setting))
    user = _known_user(request)
    if user is NOBODY:
        return None
    return _opened(exceptions.part(kinds=kinds).door.try_admit(seen(request), user))


def _need_maintenance_ignore_admin_site(request: Any) -> Optional[bool]:
    if not live("MAINTENANCE_MODE_IGNORE_ADMIN_SITE"):
        return None
    try:
        admin = reverse("admin:index", urlconf=getattr(request, "urlconf", None))
    except NoReverseMatch:
        return None
    path = request.path if request.path.endswith("/") else f"{request.path}/"
    return False if path.startswith(admin) else None


def _need_maintenance_ignore_tests(request: Any) -> Optional[bool]:
    if not live("MAINTENANCE_MODE_IGNORE_TESTS"):
        return None
    words = sys.argv
    is_test = bool(words and "runtests" in words[0]) or words[1:2] == ["test"]
    return False if is_test else None


def _need_maintenance_ignore_ip_addresses(request: Any) -> Optional[bool]:
    given = live("MAINTENANCE_MODE_IGNORE_IP_ADDRESSES")
    if not given:
        return None
    named = live("MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS")
    find = import_function(named, "MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS") if named else get_client_ip_address
    address = find(request)
    if not isinstance(address, str):
        raise TypeError(f"the address of a client is a string, but {named or 'REMOTE_ADDR'} says {address!r}")
    rules = exceptions.part(addresses=given)
    if rules.admits_address(address):
        return False
    return _opened(rules.door.try_admit(seen(request, address)))


def _need_maintenance_ignore_urls(request: Any) -> Optional[bool]:
    rules = exceptions.part(urls=live("MAINTENANCE_MODE_IGNORE_URLS"))
    request_seen = seen(request)
    if rules.admits_path(request, request_seen):
        return False
    return _opened(rules.door.try_admit(request_seen))


def _need_maintenance_redirects(request: Any) -> Optional[bool]:
    target = live("MAINTENANCE_MODE_REDIRECT_URL")
    pattern = exceptions.compiled(target) if target else None
    return False if pattern is not None and pattern.match(request.path_info) else None


#: In the order of the original.
STEPS = (
    "_need_maintenance_from_view",
    "_need_maintenance_from_url",
    "_need_maintenance_ignore_users",
    "_need_maintenance_ignore_admin_site",
    "_need_maintenance_ignore_tests",
    "_need_maintenance_ignore_ip_addresses",
    "_need_maintenance_ignore_urls",
    "_need_maintenance_redirects",
)
_own = tuple(globals()[name] for name in STEPS)


def _opened(answer: Any) -> Optional[bool]:
    return False if is_admitted(answer) else None
