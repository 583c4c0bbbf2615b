"""System checks: what is wrong with the settings is said when the server starts, not to the first visitor."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

from backsoon import Control
from backsoon.dropin.exceptions import broken
from backsoon.dropin.member import SITE, control

from . import exceptions
from .core import LOCAL_BACKEND
from .settings import DEFAULTS

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
    unknown = [name for name in dir(settings) if name.startswith("MAINTENANCE_MODE") and name not in KNOWN]
    said = "Nobody reads the setting {}."
    return [Warning(said.format(name), hint=_meant(name), id="maintenance_mode.W001") for name in unknown]


def _meant(name: str) -> str:
    near = [RENAMED[name]] if name in RENAMED else get_close_matches(name, KNOWN, 1)
    return f"Is it called {near[0]} now?" if near else "Remove it."


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
