"""The page of the site."""

from __future__ import annotations

from typing import Any

from backsoon.dropin.page import text


def rendered(request: Any, template_name: str) -> str:
    """The template with ``request_path`` and what the context processors add."""
    return text(request, template_name, {"request_path": request.path})
