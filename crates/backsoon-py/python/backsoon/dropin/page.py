"""The page of a site's own template."""

from __future__ import annotations

from typing import Any, Optional

from django.http import HttpResponse
from django.shortcuts import render
from django.template import base
from django.template.loader import get_template


def rendered(request: Any, name: Any, context: "dict[str, Any]", status: int) -> HttpResponse:
    """The same as Django's ``render``, without the work that leaves no trace in the page."""
    text = _plain(get_template(name)) if isinstance(name, str) and _is_unwatched() else None
    return render(request, name, context, status=status) if text is None else HttpResponse(text, status=status)


def _plain(template: Any) -> Optional[str]:
    """What a template says that has no tag and no variable, so that it says the same in every context."""
    inner = getattr(template, "template", None)
    if type(inner) is not base.Template:
        return None
    if all(type(node) is base.TextNode for node in inner.nodelist):
        return "".join(node.s for node in inner.nodelist)
    return None


def _is_unwatched() -> bool:
    """Whether nobody wants to be told of every page that is rendered, as tests of a site do."""
    return base.Template._render.__module__ == base.__name__
