"""``INTERNAL_IPS``, as django-maintenancemode read it: addresses, networks, ranges."""

from __future__ import annotations

import ipaddress
from typing import Any, Container, Optional

from django.conf import settings

from backsoon.dropin.exceptions import listed


def network(entry: str) -> Optional[str]:
    """The network that an entry means: ``10.0.0.7``, ``10.0.0.0/8``, ``10/8``, ``10.0.0.0/255.0.0.0``, ``10.0.0.0-10.0.0.255``."""
    entry = entry.strip()
    first, is_range, last = entry.partition("-")
    try:
        if is_range:
            between = ipaddress.summarize_address_range(_address(first), _address(last))
            found = list(between)
            return str(found[0]) if len(found) == 1 else None
        octets, slash, length = entry.partition("/")
        if slash and ":" not in octets and octets.count(".") < 3:
            octets += ".0" * (3 - octets.count("."))
        return None if "%" in entry else str(ipaddress.ip_network(octets + slash + length))
    except (TypeError, ValueError):
        return None


def _address(text: str) -> Any:
    return ipaddress.ip_address(text.strip())


def internal() -> "tuple[Any, ...]":
    """The entries of ``INTERNAL_IPS``."""
    try:
        return listed(settings.INTERNAL_IPS)
    except TypeError:  # An object that only knows what is in it.
        return ()


def networks() -> "list[str]":
    """Those of them that the core can judge. What is none opens nothing; the system check says so."""
    return [found for entry in internal() if (found := network(str(entry))) is not None]


def names(address: Optional[str]) -> bool:
    """Whether ``INTERNAL_IPS`` itself says so: it may be an object of the site's own, which knows what is in it."""
    given: Any = settings.INTERNAL_IPS
    held: "Container[Any]" = (given,) if isinstance(given, str) else given
    return bool(given) and address in held
