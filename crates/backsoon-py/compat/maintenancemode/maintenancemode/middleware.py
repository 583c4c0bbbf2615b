"""The door of a site."""

from __future__ import annotations

from typing import Any, Optional

from django.conf import urls
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver
from django.utils.module_loading import import_string

from backsoon.dropin.middleware import Middleware

from . import decision, row
from . import utils as maintenance
from .conf import COPIES, live, settings  # noqa: F401  (a name that tests of sites reach for)

#: The view of each source, where a site has no ``handler503`` of its own.
VIEWS = {
    decision.SETTING: "maintenancemode.views.temporary_unavailable",
    decision.ROW: "maintenancemode.views.defaults.temporary_unavailable",
}

urls.handler503 = VIEWS[decision.ROW if row.is_there() else decision.SETTING]  # type: ignore[attr-defined]
if "handler503" not in urls.__all__:
    urls.__all__.append("handler503")


class MaintenanceModeMiddleware(Middleware):
    """Refuses while the site is closed, but for the exceptions that the settings and the row name."""

    def process_request(self, request: HttpRequest) -> Optional[HttpResponse]:
        """The answer in place of the application's, if there is to be one."""
        link = decision.answer_to_link(request)
        source = decision.refused_by(request) if link is None else None
        return link if source is None else refused(request, source)

    def is_plainly_open(self, request: HttpRequest) -> bool:
        """Whether that can be said without waiting for anybody, and without what a subclass has to say."""
        if type(self).process_request.__module__ != __name__:
            return False
        if live("MAINTENANCE_STORE") and not maintenance.is_status_replaced():
            # The answer to a link is a refusal, in the core's words.
            return decision.is_plainly_open_by_store(request)
        # A query needs a thread of its own.
        return not row.is_there() and not decision.is_closed_by_setting()


def refused(request: HttpRequest, source: str) -> HttpResponse:
    """What ``handler503`` of ``ROOT_URLCONF`` says, or the default one."""
    resolver = get_resolver()
    if getattr(resolver.urlconf_module, "handler503", None) is None and urls.handler503 in VIEWS.values():  # type: ignore[attr-defined]
        return import_string(VIEWS[source])(request)
    return resolver.resolve_error_handler("503")(request)


def __getattr__(name: str) -> Any:
    """Names of the originals, as the settings are at this moment. What tests of a site put in their place is seen by ``rules``."""
    if name in COPIES:
        return live(COPIES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
