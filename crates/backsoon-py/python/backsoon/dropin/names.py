"""Settings that look as if they were meant for a package, and that it does not read."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Iterable, Mapping, Optional

from django.conf import settings
from django.core.checks import CheckMessage, Info, Warning

SAID = "Nobody reads the setting {} here."
#: How alike two names are that mean the same: a letter more or less.
ALIKE = 0.8


def unread(app: str, prefix: str, known: "Iterable[str]", renamed: "Mapping[str, str]") -> "list[CheckMessage]":
    """A name that is nearly one of the package's, or was one, is a mistake. Any other may be the site's own."""
    known = set(known)
    found: "list[CheckMessage]" = []
    for name in dir(settings):
        if not name.startswith(prefix) or name in known:
            continue
        meant = renamed.get(name) or _alike(name, prefix, known)
        if meant is not None:
            found.append(Warning(SAID.format(name), hint=f"Is it called {meant}?", id=f"{app}.W001"))
        else:
            hint = "Remove it, unless something else of the site reads it."
            found.append(Info(SAID.format(name), hint=hint, id=f"{app}.I001"))
    return found


def _alike(name: str, prefix: str, known: "Iterable[str]") -> Optional[str]:
    """What all of them begin with makes none of them alike."""
    rests = [other.removeprefix(prefix) for other in known]
    return next((prefix + rest for rest in get_close_matches(name.removeprefix(prefix), rests, 1, ALIKE)), None)
