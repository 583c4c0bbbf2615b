"""Who is let in while a site is closed: settings as rules of the core.

What only Python can evaluate (a pattern that Rust may read differently, an address pattern, a lazy string) stays here, and
is asked for only when the core would refuse.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
from functools import cached_property
from typing import Any, Iterable, Optional

from backsoon import Permit, Request
from backsoon._core import LINKS, Door, translate

logger = logging.getLogger(__name__)


class Exceptions:
    """What three kinds of settings say: kinds of user, addresses, paths.

    ``root`` is what a path begins with before the patterns look at it: nothing, or all its leading slashes. ``proxies`` are
    networks whose ``X-Forwarded-For`` is believed.
    """

    def __init__(
        self,
        kinds: "Iterable[str]",
        addresses: "Iterable[Any]",
        urls: "Iterable[Any]",
        root: str = "",
        proxies: "Iterable[str]" = (),
    ) -> None:
        self.kinds = list(kinds)
        self.root, self.proxies = root, list(proxies)
        self.networks, self.address_patterns = sorted_addresses(addresses)
        self.paths: "list[str]" = []
        #: Those that Python has to evaluate, and those that it has to evaluate only for paths beyond ASCII.
        self.patterns: "list[Any]" = []
        self.beyond_ascii: "list[Any]" = []
        for url in urls:
            self._read(url)

    def _read(self, url: Any) -> None:
        if not isinstance(url, (str, re.Pattern)):
            # A lazy string says something else in another language or below another prefix.
            self.patterns.append(url)
            return
        pattern = compiled(url)
        if pattern is None:
            return
        try:
            said = said_below(self.root, pattern.pattern) if pattern.flags == re.UNICODE else None
        except UnicodeEncodeError:  # Half a character, which Python allows.
            said = None
        if said is None:
            self.patterns.append(pattern)
        else:
            self.paths.append(said)
            self.beyond_ascii.append(pattern)

    @cached_property
    def door(self) -> Door:
        """For everybody whose user is known, or may become known."""
        return self._door(self.kinds)

    @cached_property
    def door_of_nobody(self) -> Door:
        """For requests of which nobody can say who the user is: not even that it is an anonymous one."""
        return self._door([])

    def _door(self, kinds: "list[str]") -> Door:
        return Door(json.dumps(self.rules(kinds)), json.dumps(self.proxies))

    def rules(self, kinds: "list[str]") -> "list[dict[str, Any]]":
        """In the words of ``backsoon.toml``."""
        rules: "list[dict[str, Any]]" = []
        if kinds:
            rules.append({"name": "ignored users", "then": "open", "when": {"user": kinds}})
        if self.networks:
            rules.append({"name": "ignored addresses", "then": "open", "when": {"network": self.networks}})
        if self.paths:
            when = {"path": [{"regex": path} for path in self.paths]}
            rules.append({"name": "ignored urls", "then": "open", "when": when})
        return rules

    def admits_path(self, request: Any, seen: Request) -> bool:
        """Whether a pattern that the core cannot evaluate opens the path. An odd path is opened by none."""
        path = request.path_info
        patterns = self.patterns if path.isascii() else [*self.patterns, *self.beyond_ascii]
        if not patterns or seen.is_odd:
            return False
        path = path.lstrip(self.root) if self.root else path
        return any(pattern.match(path) for pattern in map(compiled, patterns) if pattern is not None)

    def admits_address(self, address: str) -> bool:
        """Whether an address pattern means it."""
        return any(pattern.match(address) for pattern in self.address_patterns)


def said_below(root: str, pattern: str) -> Optional[str]:
    """A pattern in the core's words, for a path that begins with ``root``; None if that is not certain."""
    if not root:
        return translate(pattern)
    # It looks at the beginning anyway.
    said = translate(pattern.removeprefix("^"))
    return None if said is None or r"\A" in said else root + said


def sorted_addresses(given: "Iterable[Any]") -> "tuple[list[str], list[re.Pattern[str]]]":
    """Networks, and what is plainly a pattern. What is neither opens nothing; the system check says so."""
    networks, patterns = [], []
    for entry in map(str, given):
        found = network(entry)
        if found is not None:
            networks.append(found)
        elif is_pattern(entry) and (pattern := compiled(entry)) is not None:
            patterns.append(pattern)
    return networks, patterns


def network(entry: str) -> Optional[str]:
    """The network that an entry plainly means. ``192.168.1.`` and ``192.168.1.*`` are beginnings of addresses."""
    if entry.startswith("[") and entry.endswith("]") and ":" in entry:
        entry = entry[1:-1]  # An address as it stands in URLs. As a pattern it would open every address with a 1.
    beginning = entry[:-1] if entry.endswith(".*") else entry
    octets = beginning[:-1].split(".") if beginning.endswith(".") else []
    if 1 <= len(octets) <= 3:
        entry = ".".join([*octets, *["0"] * (4 - len(octets))]) + f"/{8 * len(octets)}"
    try:
        found = ipaddress.ip_network(entry)
    except ValueError:
        return None
    return None if "%" in entry else str(found)


def is_pattern(entry: str) -> bool:
    """A dot alone makes no pattern, since every address has some."""
    return bool(set(entry) & set("\\^$*+?[](){}|"))


def compiled(pattern: Any) -> "Optional[re.Pattern[str]]":
    """A pattern of a setting; one that does not compile opens nothing, and is reported by the system check."""
    if isinstance(pattern, re.Pattern):
        return pattern
    try:
        return re.compile(str(pattern))
    except re.error as error:
        logger.error("the pattern %r opens nothing, since it does not compile: %s", str(pattern), error)
        return None


def broken(pattern: Any) -> Optional[str]:
    """Why a pattern does not compile, or None if it does."""
    if isinstance(pattern, re.Pattern):
        return None
    try:
        re.compile(str(pattern))
    except re.error as error:
        return str(error)
    return None


def listed(value: Any) -> "tuple[Any, ...]":
    """The entries of a setting. A single string is one entry, not one per character."""
    if not value:
        return ()
    return (value,) if isinstance(value, (str, re.Pattern)) else tuple(value)


def seen(request: Any, peer: Optional[str] = None, host: Optional[str] = None) -> Request:
    """The request as the core sees it."""
    scope = getattr(request, "scope", None)
    raw = scope.get("raw_path") if scope is not None else None
    # How the visitor came is asked for the link of a pass alone, whose cookie is for https where that is spoken.
    scheme = request.scheme if request.path_info.startswith(LINKS) else None
    return Request.mounted(request.META, request.path_info, raw and raw.decode("latin-1"), peer, scheme, host)


def is_admitted(answer: Any) -> bool:
    return isinstance(answer, Permit)
