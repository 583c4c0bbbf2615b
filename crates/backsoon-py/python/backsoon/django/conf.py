"""The one dictionary of settings, ``BACKSOON``."""

from __future__ import annotations

import inspect
import re
from difflib import get_close_matches
from typing import Any, Callable, Optional

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from backsoon import Control, Instance

#: What goes to the core as it is, under the name that ``backsoon.toml`` has for it.
CORE = {
    "NAME": "name",
    "RULES": "rules",
    "TRUSTED_PROXIES": "trusted_proxies",
    "ON_UNKNOWN": "on_unknown",
    "ON_LOST": "on_lost",
    "COPY": "copy",
    "SERVES": "serves",
    "HEALTH": "health",
    "POLL": "poll",
    "BEAT": "beat",
    "LEASE": "lease",
}
#: What Django does with them: the store, a template in place of the built-in page, and who the user is.
OWN = ("STORE", "TEMPLATE", "USER")


#: A sentence of the core with its place in front.
PLACED = re.compile(r"(?P<option>\w+)(?P<rest>(?:\[\d+\]|\.[^.:\[\]]+)*): (?P<sentence>.*)", re.S)
SEGMENT = re.compile(r"\[(\d+)\]|\.([^.\[]+)")
UNKNOWN = re.compile(r"unknown (?:field|variant) `([^`]*)`, expected (.*)")
#: What Rust calls something else.
WORDS = {"f64": "a number", "a sequence": "a list", "a map": "a dictionary", "struct Rule": "a dictionary"}


class Conf:
    """The settings as they are at the moment."""

    def __init__(self, given: Optional[dict[str, Any]] = None) -> None:
        self.given = getattr(settings, "BACKSOON", {}) if given is None else given

    def troubles(self) -> list[str]:
        """What is wrong, in sentences; nothing is started to find out."""
        if not isinstance(self.given, dict):
            return [f"BACKSOON is a {type(self.given).__name__}; write a dictionary: BACKSOON = {{'STORE': 'redis://…'}}"]
        troubles = [self._unknown(key) for key in self.given if key not in CORE and key not in OWN]
        if not self.given.get("STORE"):
            troubles.append("BACKSOON has no 'STORE'; name the store that all servers share: 'STORE': 'redis://…'")
            return troubles
        for name in ("RULES", "TRUSTED_PROXIES", "SERVES"):
            if isinstance(self.given.get(name), str):
                troubles.append(f"BACKSOON['{name}'] is a string where a list belongs; a comma may be missing")
        if not troubles:
            try:
                Control(self.store, "django")
            except ValueError as error:
                return [f"BACKSOON['STORE']: {error}"]
            try:
                self.instance("refuses")
                self.user()
            except ValueError as error:
                troubles.append(in_settings(str(error)))
            except ImproperlyConfigured as error:
                troubles.append(f"{error}")
        return troubles

    def instance(self, holding: str) -> Instance:
        """A member of the fleet; ``holding`` says whether requests can wait here: ``waits`` or ``refuses``."""
        if not isinstance(self.given, dict) or not self.given.get("STORE"):
            raise ImproperlyConfigured("; ".join(self.troubles()))
        options = {CORE[key]: value for key, value in self.given.items() if key in CORE}
        if isinstance(options.get("health"), bool):
            options["health"] = "on" if options["health"] else "off"
        return Instance(str(self.given["STORE"]), holding=holding, **options)

    @property
    def store(self) -> str:
        """The store's URL."""
        if not isinstance(self.given, dict) or not self.given.get("STORE"):
            raise ImproperlyConfigured("; ".join(self.troubles()))
        return str(self.given["STORE"])

    @property
    def template(self) -> Optional[str]:
        """The template that is shown in place of the built-in page, if there is one."""
        return self.given.get("TEMPLATE")

    def user(self) -> Optional[Callable[..., Any]]:
        """Who finds out the user of a request, if Django's own way is not meant."""
        named = self.given.get("USER")
        if named is None:
            return None
        try:
            found = import_string(named) if isinstance(named, str) else named
        except ImportError as error:
            raise ImproperlyConfigured(f"BACKSOON['USER']: {error}") from error
        if not callable(found):
            raise ImproperlyConfigured(f"BACKSOON['USER'] names {named!r}, which cannot be called")
        return found

    def _unknown(self, key: Any) -> str:
        near = get_close_matches(str(key).upper(), [*CORE, *OWN], 1)
        meant = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join([*OWN, *CORE])}"
        return f"BACKSOON has no setting {key!r}{meant}"


def in_settings(trouble: str) -> str:
    """What the core says of an option (``rules[1].then: …``) in the words of the settings."""
    placed = PLACED.match(trouble)
    setting = {option: name for name, option in CORE.items()}.get(placed["option"]) if placed else None
    if placed is None or setting is None:
        return f"BACKSOON: {trouble}"
    place = "".join(f"[{number}]" if number else f"[{key!r}]" for number, key in SEGMENT.findall(placed["rest"]))
    sentence = placed["sentence"]
    for ours, theirs in WORDS.items():
        sentence = sentence.replace(f"expected {ours}", f"expected {theirs}")
    unknown = UNKNOWN.search(sentence)
    near = get_close_matches(unknown[1], re.findall("`([^`]+)`", unknown[2]), 1) if unknown else []
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"BACKSOON['{setting}']{place}: {sentence}{meant}"


def takes_async(found: Optional[Callable[..., Any]]) -> bool:
    """Whether it has to be awaited."""
    return inspect.iscoroutinefunction(found)
