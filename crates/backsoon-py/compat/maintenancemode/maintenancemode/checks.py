"""System checks: what is wrong with the settings is said when the server starts, not to the first visitor."""

from __future__ import annotations

import ipaddress
import os
from typing import Any, Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.urls import get_resolver

from backsoon import Control
from backsoon.dropin.exceptions import broken, listed
from backsoon.dropin.member import control
from backsoon.dropin.names import unread
from backsoon.dropin.templates import trouble_with

from . import addresses, row
from .conf import DEFAULTS, OLD_LOCKFILE, live

RENAMED = {"MAINTENANCE_EXCLUDE_URLS": "MAINTENANCE_IGNORE_URLS", "MAINTENANCE_MODE_IGNORE_URLS": "MAINTENANCE_IGNORE_URLS"}
MODULE = "maintenancemode.middleware"
MIDDLEWARE = f"{MODULE}.MaintenanceModeMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LISTS = ("MAINTENANCE_IGNORE_URLS", "MAINTENANCE_ADMIN_IGNORED_URLS", "MAINTENANCE_TRUSTED_PROXIES", "INTERNAL_IPS")


@register()
def check_names(**_: Any) -> "list[CheckMessage]":
    """Settings that nobody reads."""
    return unread("maintenancemode", "MAINTENANCE_", DEFAULTS, RENAMED)


@register()
def check_lists(**_: Any) -> "list[CheckMessage]":
    """Lists that are none, and patterns that open nothing."""
    return [Error(trouble, hint=hint, id=f"maintenancemode.{id}") for trouble, hint, id in _troubles()]


def _troubles() -> "Iterator[tuple[str, str, str]]":
    for name in LISTS:
        if isinstance(getattr(settings, name), str):
            hint = f"A comma may be missing: {name} = ({getattr(settings, name)!r},)"
            yield f"{name} is a string where a list belongs.", hint, "E001"
    for name in LISTS[:2]:
        for pattern in listed(getattr(settings, name)):
            if (why := broken(pattern)) is not None:
                yield f"{name}: {str(pattern)!r} does not compile: {why}.", "It opens nothing.", "E002"
            elif name == LISTS[1] and str(pattern).removeprefix("^").startswith("/"):
                hint = "These patterns see the path without its leading slash: write '^admin', not '^/admin'."
                yield f"{name}: {str(pattern)!r} never matches.", hint, "E002"


@register()
def check_addresses(**_: Any) -> "list[CheckMessage]":
    """Entries that are no address. They never match, which is no reason for `migrate` to end."""
    found: "list[CheckMessage]" = []
    for name in LISTS[2:]:
        # An object of the site's own knows itself what is in it.
        entries = listed(getattr(settings, name)) if type(getattr(settings, name)) in (list, tuple, set, str) else ()
        for entry in map(str, entries):
            if addresses.network(entry) is None:
                trouble = f"{name}: {entry!r} is neither an address nor a network, and opens nothing."
                hint = "Write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32."
                found.append(Warning(trouble, hint=hint, id="maintenancemode.W006"))
    return found


@register()
def check_store(**_: Any) -> "list[CheckMessage]":
    """A store that cannot be named so. Nobody connects to it yet."""
    if not settings.MAINTENANCE_STORE:
        return []
    try:
        Control(str(settings.MAINTENANCE_STORE), "django")
    except ValueError as error:
        return [Error(f"MAINTENANCE_STORE: {error}", id="maintenancemode.E005")]
    return []


@register()
def check_what_was_before(**_: Any) -> "list[CheckMessage]":
    """What closed the site before there was a store, and what nobody asks any more: the site has opened without a word."""
    if not settings.MAINTENANCE_STORE:
        return []
    try:
        found = [*_closed_by_file(), *_closed_rows()]
    except Exception:  # No database, no store, tests that allow neither: nobody can say.
        return []
    said = "{} closes the site no more, since MAINTENANCE_STORE takes its place; the store says that it is open."
    return [Warning(said.format(what), hint=hint, id="maintenancemode.W007") for what, hint in found]


def _closed_by_file() -> "list[tuple[str, str]]":
    from . import lock, store

    files = [place for place in lock.places() if os.path.isfile(place)]
    if not files or store.is_closed():
        return []
    hint = "Close it by `manage.py maintenance on`, if that is meant; and remove the file."
    return [(f"The lock file {place}", hint) for place in files]


def _closed_rows() -> "list[tuple[str, str]]":
    from django.db import router

    from . import store

    if not row.is_there():
        return []
    from .models import Maintenance

    alias = router.db_for_read(Maintenance)
    rows = Maintenance.objects.using(alias).filter(is_being_performed=True).select_related("site") if row.has_tables(alias) else []
    hint = "`manage.py setmaintenance on {0}` closes it by the store, and `manage.py setmaintenance off {0}` clears the row."
    return [
        (f"The row of {found.site.domain}", hint.format(found.site.pk))
        for found in rows
        if control(store.url()).mode(store.named(found.site.domain)) == "off"
    ]


@register()
def check_middleware(**_: Any) -> "list[CheckMessage]":
    """A middleware that cannot be loaded, or that is asked before anybody knows the user."""
    named = list(settings.MIDDLEWARE)
    if MODULE in named:
        return [Error(f"MIDDLEWARE names the module {MODULE!r}.", hint=f"Write {MIDDLEWARE!r}.", id="maintenancemode.E006")]
    if MIDDLEWARE in named and AUTHENTICATION in named[named.index(MIDDLEWARE) :]:
        hint = f"Put {MIDDLEWARE!r} behind {AUTHENTICATION!r}; before it, staff and superusers are refused."
        return [Warning("The middleware comes before anybody knows the user.", hint=hint, id="maintenancemode.W002")]
    return []


@register()
def check_lock(**_: Any) -> "list[CheckMessage]":
    """A lock file where the original had it if nobody named a place."""
    named = live("MAINTENANCE_LOCKFILE_PATH")
    if named != DEFAULTS["MAINTENANCE_LOCKFILE_PATH"] or not os.path.isfile(OLD_LOCKFILE):
        return []
    hint = f"It closes every site of this environment. `manage.py maintenance off` removes it; the new place is {named}."
    return [Warning(f"A lock file of the original lies at {OLD_LOCKFILE}.", hint=hint, id="maintenancemode.W003")]


@register()
def check_template(**_: Any) -> "list[CheckMessage]":
    """A page that nobody finds, or that is broken: the first refusal would be an error."""
    name = str(live("MAINTENANCE_503_TEMPLATE")) if row.is_there() else "503.html"
    trouble = _trouble_with(name)
    if trouble is None:
        return []
    hint = "A closed site would answer with an error. Neither this package nor the originals bring a template."
    return [Warning(f"The template {name!r} {trouble}.", hint=hint, id="maintenancemode.W004")]


def _trouble_with(template: str) -> "str | None":
    if getattr(settings, "ROOT_URLCONF", None) and getattr(get_resolver().urlconf_module, "handler503", None):
        return None  # The site's own view, whatever it renders.
    return trouble_with(template)


@register(Tags.security, deploy=True)
def check_loopback(**_: Any) -> "list[CheckMessage]":
    """This machine among those that are let in, where everybody may seem to come from it."""
    if listed(live("MAINTENANCE_TRUSTED_PROXIES")):
        return []
    found = [name for name in addresses.networks() if ipaddress.ip_network(name).is_loopback]
    hint = "Behind a proxy on this machine everybody is let in. Name that proxy in MAINTENANCE_TRUSTED_PROXIES."
    return [Warning(f"INTERNAL_IPS names this machine: {name}.", hint=hint, id="maintenancemode.W005") for name in found]
