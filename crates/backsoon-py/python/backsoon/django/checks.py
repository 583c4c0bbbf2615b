"""System checks: what is wrong with the settings is said when the server starts, not to the first visitor."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import select_template

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
    given = Conf().given
    if not isinstance(given, dict):
        return []  # That is an error already.
    rules = given.get("RULES")
    rules = rules if isinstance(rules, (list, tuple)) else ()
    asks = any("user" in (rule.get("when") or {}) for rule in rules if isinstance(rule, dict))
    later = AUTHENTICATION in listed and listed.index(MIDDLEWARE) < listed.index(AUTHENTICATION)
    if asks and later and not given.get("USER"):
        hint = f"Put {MIDDLEWARE!r} behind {AUTHENTICATION!r}, or name BACKSOON['USER']."
        return [Warning("Rules ask for the user before anybody knows it.", hint=hint, id="backsoon.W002")]
    return []


@register()
def check_template(**_: Any) -> "list[CheckMessage]":
    """A template that cannot be loaded: the built-in page would be shown in its place."""
    given = Conf().given
    name = given.get("TEMPLATE") if isinstance(given, dict) else None
    if not name:
        return []
    try:
        select_template(name if isinstance(name, (list, tuple)) else [name])
    except TemplateDoesNotExist:
        trouble = "is not there"
    except TemplateSyntaxError as error:
        trouble = f"is broken: {error}"
    except Exception as error:
        trouble = f"cannot be loaded: {error}"
    else:
        return []
    hint = "A closed site shows the built-in page in its place."
    return [Warning(f"The template {name!r} of BACKSOON['TEMPLATE'] {trouble}.", hint=hint, id="backsoon.W003")]
