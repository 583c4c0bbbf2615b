"""Small things that settings name or that settings need."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, Optional, Union

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.module_loading import import_string


def get_client_ip_address(request: Any) -> str:
    """The address that the server has seen. What a client forwards is believed by nobody unless a site says so."""
    return request.META["REMOTE_ADDR"]


def get_now_datetime() -> datetime:
    return timezone.now() if settings.USE_TZ else timezone.make_aware(timezone.now())


def import_function(function_path: str, setting_name: str) -> Callable[..., Any]:
    """What a setting names; the error names the setting."""
    try:
        function = import_string(function_path)
    except ImportError as error:
        raise ImproperlyConfigured(f"settings.{setting_name} is not a valid function path.") from error
    if not callable(function):
        raise ImproperlyConfigured(f"settings.{setting_name} is not a function.")
    return function


def parse_aware_datetime(value: Union[datetime, str, None]) -> Optional[datetime]:
    """A moment; one without a zone is meant in the zone that is active."""
    if value is None:
        return None
    if isinstance(value, str):
        parsed = parse_datetime(value)
        if parsed is None:
            raise ValueError(f"Invalid datetime value: {value!r}")
        value = parsed
    if not isinstance(value, datetime):
        raise TypeError(f"Datetime value type is not datetime | str | None: {type(value).__name__}")
    return timezone.make_aware(value) if timezone.is_naive(value) else value
