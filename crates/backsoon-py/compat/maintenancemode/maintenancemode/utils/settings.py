"""Settings as they are at this moment, under the names that django-maintenancemode-2 has here; any other is Django's."""

from typing import Any

from django import get_version
from django.conf import settings

DJANGO_VERSION = get_version()


def __getattr__(name: str) -> Any:
    return getattr(settings, name)
