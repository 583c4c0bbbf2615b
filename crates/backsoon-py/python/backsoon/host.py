"""The host that a request of Django is meant for."""

from __future__ import annotations

from typing import Any, Optional

from django.conf import settings


def forwarded(request: Any) -> Optional[str]:
    """The host that a proxy forwards, where the site believes it."""
    return request.META.get("HTTP_X_FORWARDED_HOST") if settings.USE_X_FORWARDED_HOST else None


def of(request: Any) -> str:
    """The host by which the core decides."""
    for found in (forwarded(request), request.META.get("HTTP_HOST"), request.META.get("SERVER_NAME")):
        if found is not None:
            return found
    return ""
