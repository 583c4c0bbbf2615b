"""The page of the site."""

from __future__ import annotations

import logging
from typing import Any

from django.db import Error
from django.template.loader import render_to_string

from backsoon.dropin.page import text

logger = logging.getLogger(__name__)


def rendered(request: Any, template_name: str) -> str:
    """The template with ``request_path`` and what the context processors add."""
    context = {"request_path": request.path}
    try:
        return text(request, template_name, context)
    except Error:
        # That a database is down may be why the site is closed.
        logger.exception("a context processor needs a database that is down; the page is rendered without any")
        return render_to_string(template_name, context)
