"""The view of a closed site, as django-maintenancemode-2 has it."""

import json
from typing import Any, Optional

from ..conf import live
from ..http import HttpResponseTemporaryUnavailable
from ..page import rendered

#: What the original has a copy of in here, and what tests of a site may put something in the place of.
COPY = "MAINTENANCE_503_TEMPLATE"
SAID = {
    "code": 503,
    "error": "temporarily_unavailable",
    "reason": "maintenance",
    "error_description": "Sorry, the service is temporarily down for maintenance",
}


def temporary_unavailable(request: Any, template_name: Optional[str] = None) -> HttpResponseTemporaryUnavailable:
    """JSON for a request that has JSON in it, or else a page from a template of the site."""
    if request.META.get("CONTENT_TYPE") == "application/json":
        return HttpResponseTemporaryUnavailable(json.dumps(SAID), content_type="application/json")
    page = rendered(request, template_name or globals().get(COPY) or live(COPY))
    return HttpResponseTemporaryUnavailable(page, content_type="text/html")


def __getattr__(name: str) -> Any:
    if name == COPY:
        return live(COPY)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
