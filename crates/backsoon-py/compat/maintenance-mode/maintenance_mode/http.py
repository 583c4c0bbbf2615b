"""Whether a request is refused, and with what."""

from __future__ import annotations

import logging
import sys
from typing import Any, Optional

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, Resolver404, get_resolver, get_script_prefix, reverse
from django.utils.cache import add_never_cache_headers

from backsoon import Ask

from . import exceptions, marks
from .core import get_known_maintenance_mode
from .exceptions import is_admitted, seen
from .utils import get_client_ip_address, import_function

logger = logging.getLogger(__name__)

#: Nobody can say who the user is.
NOBODY = None


# === the answer ===


def get_maintenance_response(request: Any) -> HttpResponse:
    """The answer in place of the application's."""
    if settings.MAINTENANCE_MODE_REDIRECT_URL:
        return redirect(settings.MAINTENANCE_MODE_REDIRECT_URL)
    is_json = get_maintenance_response_type(request) == "json"
    response = get_maintenance_json_response(request) if is_json else get_maintenance_html_response(request)
    if settings.MAINTENANCE_MODE_RETRY_AFTER:
        response["Retry-After"] = settings.MAINTENANCE_MODE_RETRY_AFTER
    add_never_cache_headers(response)
    return response


def get_maintenance_response_type(request: Any) -> str:
    given = settings.MAINTENANCE_MODE_RESPONSE_TYPE
    if given in ("html", "json"):
        return given
    chosen = import_function(given, "MAINTENANCE_MODE_RESPONSE_TYPE")(request=request)
    if chosen not in ("html", "json"):
        raise ImproperlyConfigured(
            "settings.MAINTENANCE_MODE_RESPONSE_TYPE function return value must be 'html' or 'json'."
        )
    return chosen


def get_maintenance_response_context(request: Any) -> "dict[str, Any]":
    named = settings.MAINTENANCE_MODE_GET_CONTEXT
    return import_function(named, "MAINTENANCE_MODE_GET_CONTEXT")(request=request) if named else {}


def get_maintenance_html_response(request: Any) -> HttpResponse:
    context = get_maintenance_response_context(request)
    return render(request, settings.MAINTENANCE_MODE_TEMPLATE, context, status=settings.MAINTENANCE_MODE_STATUS_CODE)


def get_maintenance_json_response(request: Any) -> JsonResponse:
    return JsonResponse(get_maintenance_response_context(request), status=settings.MAINTENANCE_MODE_STATUS_CODE)


# === the decision ===


def need_maintenance_response(request: Any) -> bool:
    """Whether a request is to be refused."""
    if settings.MAINTENANCE_MODE_STORE:
        return not _store_admits(request)
    if not get_known_maintenance_mode():
        return marks.CLOSED in marks.used and _need_maintenance_from_view(request) is True
    rules = exceptions.current()
    return not _admits(request, rules, rules.door, rules.door_of_nobody)


def _store_admits(request: Any) -> bool:
    """What this member of the fleet says. It counts the request until its last byte: see the middleware."""
    from . import store

    member = store.member()
    door = Counting(request, member.instance)
    request_seen = _seen(request)
    answer = door.try_admit(request_seen)
    if settings.MAINTENANCE_MODE is not None and not settings.MAINTENANCE_MODE:
        is_open = is_admitted(answer) or is_admitted(door.try_admit(request_seen, None, True))
    else:
        # A rule may admit to a closed site, where users are logged out all the same.
        is_open = is_admitted(answer) and (answer.because == "mode" or not _logs_out() or member.mode() == "off")
    if is_open:
        return not (marks.CLOSED in marks.used and _need_maintenance_from_view(request) is True)
    return _admits(request, member.rules, door, member.rules.door_of_nobody)


class Counting:
    """A member whose permits stay with the request."""

    def __init__(self, request: Any, instance: Any) -> None:
        self.request, self.instance = request, instance

    def try_admit(self, request_seen: Any, user: Optional[int] = None, route: Optional[bool] = None) -> Any:
        answer = self.instance.try_admit(request_seen, user, route)
        self.request._maintenance_permit = answer if is_admitted(answer) else None
        return answer


def _seen(request: Any) -> Any:
    # Where the site finds the address itself, that of the connection is a proxy's.
    return seen(request, "" if settings.MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS else None)


def _admits(request: Any, rules: exceptions.Exceptions, door: Any, door_of_nobody: Any) -> bool:
    """What the core says of a request while the mode is on."""
    # Views are marked when they are imported, which a site that was closed from its start never does.
    get_resolver(getattr(request, "urlconf", None)).url_patterns
    request_seen = _seen(request)
    logs_out = _logs_out()
    # Marks come before users, and so before anybody is logged out.
    if marks.CLOSED in marks.used or logs_out:
        closed = _need_maintenance_from_view(request)
        if closed is None and logs_out and not request_seen.is_odd:
            closed = _need_maintenance_from_url(request)
        if closed is not None:
            return is_admitted(door.try_admit(request_seen, None, not closed))
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


def _is_opened_by_python(request: Any, rules: exceptions.Exceptions, request_seen: Any) -> bool:
    if marks.OPENED in marks.used and _need_maintenance_from_view(request) is False:
        return True
    if _need_maintenance_ignore_tests(request) is False:
        return True
    # The core has judged the address of the connection already.
    is_found = rules.address_patterns or settings.MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS
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


def _logs_out() -> bool:
    return bool(
        settings.MAINTENANCE_MODE_LOGOUT_AUTHENTICATED_USER
        or settings.MAINTENANCE_MODE_LOGOUT_STAFF_USER
        or settings.MAINTENANCE_MODE_LOGOUT_SUPERUSER
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
    except Exception:
        return _nobody()


def _user_after_logout(request: Any) -> Any:
    user = _get_maintenance_authenticated_user(request)
    try:
        if user is not NOBODY and _need_maintenance_logout_user(user) and hasattr(request, "session"):
            logout(request)
            user = getattr(request, "user", NOBODY)
    except Exception:
        return _nobody()
    return user


def _nobody() -> None:
    """A database that is down makes nobody of everybody, never an error."""
    logger.exception("nobody can say who the user is, so the rules about users are left out")
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
    try:
        off = reverse("maintenance_mode_off", urlconf=getattr(request, "urlconf", None))
    except NoReverseMatch:
        return None
    # The path below the prefix that the site is mounted at.
    return False if request.path_info == "/" + off[len(get_script_prefix()) :] else None


def _get_maintenance_authenticated_user(request: Any) -> Any:
    named = settings.MAINTENANCE_MODE_GET_AUTHENTICATED_USER
    if named:
        find = import_function(named, "MAINTENANCE_MODE_GET_AUTHENTICATED_USER")
        try:
            user = find(request=request)
        except Exception:
            return _nobody()
        if user is not None:
            return user
    return getattr(request, "user", NOBODY)


def _need_maintenance_logout_user(user: Any) -> bool:
    if not user.is_authenticated:
        return False
    superuser, staff = settings.MAINTENANCE_MODE_LOGOUT_SUPERUSER, settings.MAINTENANCE_MODE_LOGOUT_STAFF_USER
    if user.is_superuser and superuser is not None:
        return bool(superuser)
    if user.is_staff and not user.is_superuser and staff is not None:
        return bool(staff)
    return bool(settings.MAINTENANCE_MODE_LOGOUT_AUTHENTICATED_USER)


def _need_maintenance_ignore_users(request: Any) -> Optional[bool]:
    kinds = tuple(kind for kind, setting in exceptions.KINDS if getattr(settings, setting))
    user = _known_user(request)
    if user is NOBODY:
        return None
    return _opened(exceptions.part(kinds=kinds).door.try_admit(seen(request), user))


def _need_maintenance_ignore_admin_site(request: Any) -> Optional[bool]:
    if not settings.MAINTENANCE_MODE_IGNORE_ADMIN_SITE:
        return None
    try:
        admin = reverse("admin:index", urlconf=getattr(request, "urlconf", None))
    except NoReverseMatch:
        return None
    path = request.path if request.path.endswith("/") else f"{request.path}/"
    return False if path.startswith(admin) else None


def _need_maintenance_ignore_tests(request: Any) -> Optional[bool]:
    if not settings.MAINTENANCE_MODE_IGNORE_TESTS:
        return None
    words = sys.argv
    is_test = bool(words and "runtests" in words[0]) or words[1:2] == ["test"]
    return False if is_test else None


def _need_maintenance_ignore_ip_addresses(request: Any) -> Optional[bool]:
    given = settings.MAINTENANCE_MODE_IGNORE_IP_ADDRESSES
    if not given:
        return None
    named = settings.MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS
    find = import_function(named, "MAINTENANCE_MODE_GET_CLIENT_IP_ADDRESS") if named else get_client_ip_address
    address = find(request)
    if not isinstance(address, str):
        raise TypeError(f"the address of a client is a string, but {named or 'REMOTE_ADDR'} says {address!r}")
    rules = exceptions.part(addresses=given)
    if rules.admits_address(address):
        return False
    return _opened(rules.door.try_admit(seen(request, address)))


def _need_maintenance_ignore_urls(request: Any) -> Optional[bool]:
    rules = exceptions.part(urls=settings.MAINTENANCE_MODE_IGNORE_URLS)
    request_seen = seen(request)
    if rules.admits_path(request, request_seen):
        return False
    return _opened(rules.door.try_admit(request_seen))


def _need_maintenance_redirects(request: Any) -> Optional[bool]:
    target = settings.MAINTENANCE_MODE_REDIRECT_URL
    pattern = exceptions.compiled(target) if target else None
    return False if pattern is not None and pattern.match(request.path_info) else None


def _opened(answer: Any) -> Optional[bool]:
    return False if is_admitted(answer) else None
