"""The state in a Backsoon store, which all servers follow: ``MAINTENANCE_STORE = "redis://…"``.

What this package switches are windows of its own, told by their note: one for all sites, and one for each site that has a row.
It ends no other. Whether a site is closed depends on all windows. A process that serves requests is a member of the fleet, so that
``backsoon on --wait`` waits for it.

A store is one source, so it has one list of exceptions: those of all settings.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Optional

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error

from backsoon.dropin.exceptions import Exceptions, listed
from backsoon.dropin.member import EVERYTHING, SITE, Member, Membership, control, windows, windows_by_site
from backsoon.host import of as host_of

from . import addresses, row, rules
from .conf import live

#: By which our windows are told from those of operators.
NOTE = "maintenancemode of Django"

_membership = Membership()


def url() -> str:
    return str(live("MAINTENANCE_STORE"))


def member() -> Member:
    """This process in the fleet, with the settings as rules of its own."""
    given = (
        bool(live("MAINTENANCE_MODE")),
        row.is_there(),
        bool(live("MAINTENANCE_ALLOW_STAFF") and not live("MAINTENANCE_BLOCK_STAFF")),
        bool(live("MAINTENANCE_ALLOW_SUPERUSER")),
        *(addresses.internal(), listed(live("MAINTENANCE_TRUSTED_PROXIES"))),
        *(listed(live("MAINTENANCE_IGNORE_URLS")), listed(live("MAINTENANCE_ADMIN_IGNORED_URLS"))),
    )
    return _membership.member(url(), given, lambda: _made(*given[:4]))


def _made(is_closed: bool, has_rows: bool, staff: bool, superuser: bool) -> Member:
    kinds = [kind for kind, is_let_in in (("staff", staff), ("superuser", superuser)) if is_let_in]
    found = Exceptions(kinds, addresses.networks(), listed(live("MAINTENANCE_IGNORE_URLS")), proxies=rules.proxies())
    told = found.rules(kinds)
    if has_rows:
        admin = Exceptions([], [], listed(live("MAINTENANCE_ADMIN_IGNORED_URLS")), "/")
        told += [{**rule, "name": "ignored urls of the admin"} for rule in admin.rules([])]
    if is_closed:
        # The setting beats the store; as a rule with a name it is in the report, and so in every receipt.
        told.append({"name": "MAINTENANCE_MODE = True", "then": "closed", "when": EVERYTHING})
    return Member(url(), found, told)


def leave() -> None:
    """Says farewell, if this process is a member."""
    _membership.leave()


def known() -> Optional[Member]:
    """The member of this process if it was asked before, so that asking it again waits for nobody."""
    here = _membership.at(url())
    return here if here is not None and here.is_asked else None


def host(request: Any) -> str:
    """What a request's site is called in the store: its ``SITE_ID``'s domain, or else the host."""
    site = getattr(settings, "SITE_ID", None)
    if site and row.is_there():
        # Where Django keeps it, and drops it when the site is saved.
        known = site_models().SITE_CACHE.get(site)
        try:
            return named((known or site_models().Site.objects.get_current()).domain)
        except (Error, ObjectDoesNotExist):
            pass
    return host_of(request)


@cache
def site_models() -> Any:
    """They can be imported only where ``django.contrib.sites`` is installed."""
    return import_module("django.contrib.sites.models")


def named(domain: str) -> str:
    """A site's domain as the store has it: without a port."""
    name, _, port = domain.rpartition(":")
    return name if port.isdigit() else domain


def switch(is_on: bool, domain: str = SITE) -> None:
    """Closes a site by our own window, or ends that one, and those that it has under domains that it had before.

    # Errors
    ``ConnectionError`` if the store cannot be reached, ``ValueError`` if the site cannot be called so.
    """
    control(url()).replace(named(domain), NOTE, "on" if is_on else None)
    if not is_on and domain != SITE:
        for before in _before(domain):
            control(url()).replace(before, _now(domain), None)


def move(before: str, domain: str) -> None:
    """Closes a site that has another domain by now, if our own window closed it. Under the domain that it had, it stays closed
    until it is opened: processes keep in memory what a site is called.

    # Errors
    As those of ``switch``.
    """
    old, new = named(before).lower(), named(domain).lower()
    if old == new or not is_switched(before):
        return
    control(url()).replace(new, NOTE, "on")
    for site in {old, *_before(before)} - {new}:
        control(url()).replace(site, _now(domain), "on")
    for site in _before(before):
        control(url()).replace(site, _now(before), None)
    control(url()).replace(old, NOTE, None)


def _now(domain: str) -> str:
    """By which a window is told of a site that had another domain before."""
    return f"{NOTE}, now {named(domain).lower()}"


def _before(domain: str) -> "list[str]":
    """What a site was called before, where it is closed as well."""
    found = windows_by_site(url()).items()
    return [site for site, of in found if any(window["note"] == _now(domain) for window in of)]


def switched() -> "set[str]":
    """The sites that have our own window."""
    return {site for site, found in windows_by_site(url()).items() if any(window["note"] == NOTE for window in found)}


def is_switched(domain: str = SITE) -> bool:
    """Whether our own window is there."""
    return any(window["note"] == NOTE for window in windows(url(), named(domain).lower()))


def is_closed() -> bool:
    """Whether all sites are closed by any window, as far as this process knows; else as the store says at this moment."""
    here = _membership.at(url())
    return (here.mode() if here is not None else control(url()).mode(SITE)) != "off"
