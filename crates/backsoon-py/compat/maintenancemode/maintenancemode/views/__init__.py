"""The view of a closed site, as django-maintenancemode has it."""

from typing import Any

from .. import http
from ..page import rendered


def temporary_unavailable(request: Any, template_name: str = "503.html") -> http.HttpResponseTemporaryUnavailable:
    """A page from a template of the site; it knows ``request_path``."""
    return http.HttpResponseTemporaryUnavailable(rendered(request, template_name))
