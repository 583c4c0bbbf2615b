"""System checks: what is wrong with the settings is said when the server starts, not to the first visitor."""

from __future__ import annotations

from typing import Any, Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

from backsoon import Control
from backsoon.dropin.exceptions import broken
from backsoon.dropin.member import SITE, control
from backsoon.dropin.names import unread
from backsoon.dropin.templates import trouble_with

from . import exceptions
from .backends import CacheBackend
from .core import LOCAL_BACKEND, get_maintenance_mode_backend
from .settings import DEFAULTS
from .utils import import_function

KNOWN = {*DEFAULTS, "MAINTENANCE_MODE_STATE_FILE_PATH"}
RENAMED = {
    "MAINTENANCE_MODE_EXCEPT_URLS": "MAINTENANCE_MODE_IGNORE_URLS",
    "MAINTENANCE_MODE_EXCEPT_STAFF": "MAINTENANCE_MODE_IGNORE_STAFF",
    "MAINTENANCE_MODE_EXCEPT_SUPERUSER": "MAINTENANCE_MODE_IGNORE_SUPERUSER",
    "MAINTENANCE_MODE_GET_TEMPLATE_CONTEXT": "MAINTENANCE_MODE_GET_CONTEXT",
}


@register()
def check_names(**_: Any) -> "list[CheckMessage]":
    """Settings that nobody reads."""
    return unread("maintenance_mode", "MAINTENANCE_MODE", KNOWN, RENAMED)


@register()
def check_lists(**_: Any) -> "list[CheckMessage]":
    """Lists that are none, and patterns that open nothing."""
    return [Error(trouble, hint=hint, id=id) for trouble, hint, id in _troubles()]


def _troubles() -> "Iterator[tuple[str, str, str]]":
    urls, addresses = "MAINTENANCE_MODE_IGNORE_URLS", "MAINTENANCE_MODE_IGNORE_IP_ADDRESSES"
    for name in (urls, addresses):
        if isinstance(getattr(settings, name), str):
            hint = f"A comma may be missing: {name} = ({getattr(settings, name)!r},)"
            yield f"{name} is a string where a list belongs.", hint, "maintenance_mode.E001"
    patterns = [(urls, url) for url in exceptions.listed(getattr(settings, urls))]
    for entry in map(str, exceptions.listed(getattr(settings, addresses))):
        if exceptions.is_pattern(entry):
            patterns.append((addresses, entry))
    # It is a pattern as well, of the paths that stay open.
    redirect = settings.MAINTENANCE_MODE_REDIRECT_URL
    patterns += [("MAINTENANCE_MODE_REDIRECT_URL", redirect)] if redirect else []
    for name, pattern in patterns:
        if (why := broken(pattern)) is not None:
            yield f"{name}: {str(pattern)!r} does not compile: {why}.", "It opens nothing.", "maintenance_mode.E002"


@register()
def check_addresses(**_: Any) -> "list[CheckMessage]":
    """Entries that are no address. They never match, which is no reason for `migrate` to end."""
    name = "MAINTENANCE_MODE_IGNORE_IP_ADDRESSES"
    said = f"{name}: {{!r}} is neither an address nor a network, and opens nothing."
    hint = "Write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, or a regular expression."
    entries = map(str, exceptions.listed(getattr(settings, name)))
    wrong = [entry for entry in entries if not exceptions.is_pattern(entry) and exceptions.network(entry) is None]
    return [Warning(said.format(entry), hint=hint, id="maintenance_mode.W003") for entry in wrong]


@register()
def check_status(**_: Any) -> "list[CheckMessage]":
    """A status that tells search engines and monitors that all is well."""
    status = settings.MAINTENANCE_MODE_STATUS_CODE
    if status == 503:
        return []
    hint = "Search engines and monitors understand 503 only."
    return [Warning(f"MAINTENANCE_MODE_STATUS_CODE is {status}.", hint=hint, id="maintenance_mode.W002")]


@register()
def check_functions(**_: Any) -> "list[CheckMessage]":
    """What settings name and nobody finds: each request would be an error, or each refusal."""
    return [Error(f"{name}: {trouble}", hint=hint, id="maintenance_mode.E003") for name, trouble, hint in _missing()]


def _missing() -> "Iterator[tuple[str, str, str]]":
    functions = ["GET_AUTHENTICATED_USER", "GET_CLIENT_IP_ADDRESS", "GET_CONTEXT", "RESPONSE_TYPE"]
    for name in (f"MAINTENANCE_MODE_{function}" for function in functions):
        named = getattr(settings, name)
        is_type = name.endswith("RESPONSE_TYPE")
        if not named and not is_type or is_type and named in ("html", "json"):
            continue
        try:
            import_function(str(named), name)
        except Exception as error:  # A module of the site, which may fail in any way.
            hint = "Write 'html', 'json' or the dotted path of a function." if is_type else "Write the dotted path of a function."
            yield name, f"{named!r} is none that can be called: {error}", hint
    if settings.MAINTENANCE_MODE is not None or settings.MAINTENANCE_MODE_STORE:
        return  # No backend is asked.
    name = "MAINTENANCE_MODE_STATE_BACKEND"
    try:
        backend = get_maintenance_mode_backend()
    except Exception as error:
        return (yield name, f"{getattr(settings, name)!r} is none: {error}", "Write the dotted path of a backend.")
    cache = settings.MAINTENANCE_MODE_CACHE_BACKEND
    if isinstance(backend, CacheBackend) and cache and cache not in settings.CACHES:
        yield "MAINTENANCE_MODE_CACHE_BACKEND", f"there is no cache {cache!r}.", f"CACHES has {', '.join(sorted(settings.CACHES))}."


@register()
def check_template(**_: Any) -> "list[CheckMessage]":
    """A page that nobody finds, or that is broken: the first refusal would be an error."""
    if settings.MAINTENANCE_MODE_REDIRECT_URL or settings.MAINTENANCE_MODE_RESPONSE_TYPE == "json":
        return []
    name = settings.MAINTENANCE_MODE_TEMPLATE
    trouble = trouble_with(name) if isinstance(name, str) else None
    hint = "A closed site would answer with an error."
    return [Warning(f"The template {name!r} {trouble}.", hint=hint, id="maintenance_mode.W005")] if trouble else []


@register()
def check_mode(**_: Any) -> "list[CheckMessage]":
    """A text in place of a truth value, as environment variables are: every one but the empty one is true."""
    mode = settings.MAINTENANCE_MODE
    if not isinstance(mode, str):
        return []
    said = f"MAINTENANCE_MODE is the text {mode!r}, so that the mode is {'on' if mode else 'off'}."
    return [Warning(said, hint="Write True, False or None.", id="maintenance_mode.W006")]


@register()
def check_store(**_: Any) -> "list[CheckMessage]":
    """A store that cannot be named so. Nobody connects to it yet."""
    if not settings.MAINTENANCE_MODE_STORE:
        return []
    try:
        Control(str(settings.MAINTENANCE_MODE_STORE), "django")
    except ValueError as error:
        return [Error(f"MAINTENANCE_MODE_STORE: {error}", id="maintenance_mode.E005")]
    return []


@register()
def check_what_was_before(**_: Any) -> "list[CheckMessage]":
    """A state that closed the site before there was a store, and that nobody asks any more: it has opened without a word."""
    if not settings.MAINTENANCE_MODE_STORE or settings.MAINTENANCE_MODE is not None:
        return []
    try:
        state = import_string(settings.MAINTENANCE_MODE_STATE_BACKEND)().get_value()
        # One that is to come closes nothing yet, but was meant to.
        is_silent = not state or control(str(settings.MAINTENANCE_MODE_STORE)).mode(SITE) != "off"
    except Exception:  # No state, no store: nobody can say.
        return []
    if is_silent:
        return []
    is_file = settings.MAINTENANCE_MODE_STATE_BACKEND == LOCAL_BACKEND
    where = settings.MAINTENANCE_MODE_STATE_FILE_PATH if is_file else settings.MAINTENANCE_MODE_STATE_BACKEND
    said = f"The state in {where} closes the site no more, since MAINTENANCE_MODE_STORE takes its place; the store says that it is open."
    hint = "Close it by `manage.py maintenance_mode on`, if that is meant; and set the old state to 0."
    return [Warning(said, hint=hint, id="maintenance_mode.W004")]
