"""An original beside this distribution. What lies over what is not known, so this stands on no other module of this package."""

from typing import Any

from django.core.checks import CheckMessage, register

from backsoon.dropin.original import errors

ORIGINALS = ("django-maintenancemode", "django-maintenancemode-2")


@register()
def check_originals(**_: Any) -> "list[CheckMessage]":
    """Whoever was installed last wins, and whoever is uninstalled takes files of both away."""
    return errors(ORIGINALS, "backsoon-django-maintenancemode", "maintenancemode.E004")
