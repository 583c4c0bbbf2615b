"""Switching by code, as django-maintenancemode has it."""

from __future__ import annotations

import ipaddress
from typing import Any, Iterable

from .. import addresses, lock
from ..conf import live
from . import settings  # noqa: F401  (of both originals: the one of Django, and the module of our own)


class IPList(list):
    """Networks, and whether an address is in one of them. What is no network is left out."""

    def __init__(self, ips: "Iterable[Any]") -> None:
        found = (addresses.network(str(ip)) for ip in ips)
        super().__init__(ipaddress.ip_network(network) for network in found if network is not None)

    def __contains__(self, ip: Any) -> bool:
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return False
        # An address of version 4 may come in the clothes of version 6.
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self)


def activate() -> None:
    """Closes the site.

    # Errors
    ``OSError`` if that cannot be written down: the site is open.
    """
    if live("MAINTENANCE_STORE"):
        from .. import store

        return store.switch(True)
    lock.make()


def deactivate() -> None:
    """Takes back what ``activate`` has done.

    # Errors
    ``OSError`` if that cannot be written down: the site is closed.
    """
    if live("MAINTENANCE_STORE"):
        from .. import store

        return store.switch(False)
    lock.remove()


def status() -> bool:
    """Whether the site is closed by the setting or the lock file, or with a store by any window of all sites."""
    if live("MAINTENANCE_STORE"):
        from .. import store

        return bool(live("MAINTENANCE_MODE")) or store.is_closed()
    return bool(live("MAINTENANCE_MODE")) or lock.is_there()


#: Tests of a site may put something in the place of ``status``.
_status = status


def is_status_replaced() -> bool:
    return status is not _status
