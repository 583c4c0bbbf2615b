"""The maintenance mode of a Django site, by the names of django-maintenance-mode, decided by Backsoon's core."""

from django.core.exceptions import ImproperlyConfigured

from .metadata import (
    __author__,
    __copyright__,
    __description__,
    __license__,
    __title__,
    __version__,
)

try:
    from . import settings  # noqa: F401  (to be imported is to set the defaults)
except ImproperlyConfigured:
    # No settings yet. They are looked up again where they are needed.
    pass

__all__ = ["__author__", "__copyright__", "__description__", "__license__", "__title__", "__version__"]
