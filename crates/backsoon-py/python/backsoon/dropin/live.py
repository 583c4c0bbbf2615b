"""Settings as they are at this moment."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from typing import Any, Callable, Mapping

from django.conf import settings

#: Where Django keeps what it was asked for before, and drops it when a setting is assigned. Asking Django itself costs a
#: third of a microsecond each time, and an open site does little else.
_asked: "dict[str, Any]" = settings.__dict__


def reader(defaults: str) -> "Callable[[str], Any]":
    """What reads a setting. To import the module ``defaults`` is to set its ``DEFAULTS``; it may not have been possible yet."""

    def live(name: str) -> Any:
        """The value of a setting."""
        try:
            return _asked[name]
        except KeyError:
            pass
        try:
            return getattr(settings, name)
        except AttributeError:
            # The package was imported before there were settings, or somebody has deleted one since.
            put(import_module(defaults).DEFAULTS)
            return getattr(settings, name)

    return live


def put(defaults: "Mapping[str, Any]") -> None:
    """Puts the defaults on ``django.conf.settings`` where a site says nothing."""
    for name, value in defaults.items():
        if not hasattr(settings, name):
            setattr(settings, name, value)


def beside_settings(name: str) -> str:
    """A file beside the settings of the site, or in the current folder of a site without such a module."""
    module, file = os.environ.get("DJANGO_SETTINGS_MODULE"), None
    if module:
        with suppress(ModuleNotFoundError):  # It has been set up by code.
            file = getattr(import_module(module), "__file__", None)
    return os.path.join(os.path.dirname(os.path.abspath(file)) if file else os.getcwd(), name)
