"""The answer in place of the application's. Django renders it."""

from __future__ import annotations

from functools import lru_cache
from time import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.http import http_date

from backsoon.dropin.member import response_of
from backsoon.dropin.page import rendered

from .live import live
from .utils import import_function

NEVER = "max-age=0, no-cache, no-store, must-revalidate, private"


def get_maintenance_response(request: Any) -> HttpResponse:
    """The answer in place of the application's."""
    # Where the original has them, so that tests of a site may put something in their place.
    from . import http

    if "_maintenance_link" in request.__dict__:
        return response_of(request._maintenance_link)
    if live("MAINTENANCE_MODE_REDIRECT_URL"):
        return redirect(live("MAINTENANCE_MODE_REDIRECT_URL"))
    is_json = http.get_maintenance_response_type(request) == "json"
    response = http.get_maintenance_json_response(request) if is_json else http.get_maintenance_html_response(request)
    if live("MAINTENANCE_MODE_RETRY_AFTER"):
        response["Retry-After"] = live("MAINTENANCE_MODE_RETRY_AFTER")
    # What Django's `add_never_cache_headers` says, without reading what is not there yet.
    response["Expires"] = _date_of(int(time()))
    response["Cache-Control"] = NEVER
    return response


@lru_cache(maxsize=1)
def _date_of(second: int) -> str:
    return http_date(second)


def get_maintenance_response_type(request: Any) -> str:
    given = live("MAINTENANCE_MODE_RESPONSE_TYPE")
    if given in ("html", "json"):
        return given
    chosen = import_function(given, "MAINTENANCE_MODE_RESPONSE_TYPE")(request=request)
    if chosen not in ("html", "json"):
        raise ImproperlyConfigured(
            "settings.MAINTENANCE_MODE_RESPONSE_TYPE function return value must be 'html' or 'json'."
        )
    return chosen


def get_maintenance_response_context(request: Any) -> "dict[str, Any]":
    named = live("MAINTENANCE_MODE_GET_CONTEXT")
    return import_function(named, "MAINTENANCE_MODE_GET_CONTEXT")(request=request) if named else {}


def get_maintenance_html_response(request: Any) -> HttpResponse:
    from . import http

    context = http.get_maintenance_response_context(request)
    return rendered(request, live("MAINTENANCE_MODE_TEMPLATE"), context, live("MAINTENANCE_MODE_STATUS_CODE"))


def get_maintenance_json_response(request: Any) -> JsonResponse:
    from . import http

    return JsonResponse(http.get_maintenance_response_context(request), status=live("MAINTENANCE_MODE_STATUS_CODE"))
