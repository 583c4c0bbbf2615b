"""What is wrong with the template of a page, before the first visitor asks for it."""

from __future__ import annotations

from typing import Optional

from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template


def trouble_with(name: str) -> Optional[str]:
    """Why it cannot be shown, or None."""
    try:
        get_template(name)
    except TemplateDoesNotExist:
        return "is not there"
    except TemplateSyntaxError as error:
        return f"is broken: {error}"
    return None
