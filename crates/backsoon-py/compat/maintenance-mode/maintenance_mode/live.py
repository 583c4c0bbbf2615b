"""Settings as they are at this moment."""

from typing import Any

from django.conf import settings

#: Where Django keeps what it was asked for before, and drops it when a setting is assigned. Asking Django itself costs a
#: third of a microsecond each time, and an open site does little else.
_asked: "dict[str, Any]" = settings.__dict__


def live(name: str) -> Any:
    """The value of a setting."""
    try:
        return _asked[name]
    except KeyError:
        pass
    try:
        return getattr(settings, name)
    except AttributeError:
        # The package was imported before there were settings.
        from . import settings as defaults  # noqa: F401  (to be imported is to set the defaults)

        return getattr(settings, name)
