"""System checks: what is wrong with the settings is said when the server starts, not to the first visitor."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from .conf import Conf

MIDDLEWARE = "backsoon.django.middleware.MaintenanceMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


@register()
def check_settings(**_: Any) -> "list[CheckMessage]":
    return [Error(trouble, id="backsoon.E001") for trouble in Conf().troubles()]


@register()
def check_middleware(**_: Any) -> "list[CheckMessage]":
    listed = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in listed:
        hint = f"Add {MIDDLEWARE!r} to MIDDLEWARE; without it this site never closes."
        return [Warning("Backsoon's middleware is not listed.", hint=hint, id="backsoon.W001")]
    asks = any("user" in (rule.get("when") or {}) for rule in Conf().given.get("RULES") or [] if isinstance(rule, dict))
    later = AUTHENTICATION in listed and listed.index(MIDDLEWARE) < listed.index(AUTHENTICATION)
    if asks and later and not Conf().given.get("USER"):
        hint = f"Put {MIDDLEWARE!r} behind {AUTHENTICATION!r}, or name BACKSOON['USER']."
        return [Warning("Rules ask for the user before anybody knows it.", hint=hint, id="backsoon.W002")]
    return []
