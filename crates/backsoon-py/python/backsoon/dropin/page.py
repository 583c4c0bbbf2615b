"""The page of a site's own template."""

from __future__ import annotations

import logging
from typing import Any, Callable, Iterable, Optional

from django.db import Error
from django.http import HttpResponse
from django.template import base
from django.template.loader import get_template, render_to_string, select_template

from .trouble import Trouble

trouble = Trouble(
    logging.getLogger(__name__), "the page needs a database that is down; it is rendered without the context processors that do"
)


def rendered(request: Any, name: Any, context: "dict[str, Any]", status: int) -> HttpResponse:
    """The same as Django's ``render``, without the work that leaves no trace in the page."""
    return HttpResponse(text(request, name, context), status=status)


def text(request: Any, name: Any, context: "dict[str, Any]") -> str:
    """The same as Django's ``render_to_string``, without that work."""
    plain = _plain(get_template(name)) if isinstance(name, str) and _is_unwatched() else None
    if plain is not None:
        return plain
    try:
        return render_to_string(name, context, request)
    except Error as error:
        # That a database is down may be why the site is closed.
        trouble.log(error)
        return _without_what_is_away(request, name, context)


def _without_what_is_away(request: Any, name: Any, context: "dict[str, Any]") -> str:
    """The page without those context processors that cannot be had, or whose values cannot: some of them are lazy."""
    template = select_template(name) if isinstance(name, (list, tuple)) else get_template(name)
    page, said = template.render(context), context
    for processor in _processors(template):
        try:
            more = {**said, **processor(request), **context}
            page, said = template.render(more), more
        except Error:
            continue
    return page


def _processors(template: Any) -> "Iterable[Callable[[Any], dict[str, Any]]]":
    engine = getattr(getattr(template, "template", None), "engine", None)
    # Those of Django's own engine, or of Jinja2's.
    return getattr(engine or template.backend, "template_context_processors", ())


def _plain(template: Any) -> Optional[str]:
    """What a template says that has no tag and no variable, so that it says the same in every context."""
    inner = getattr(template, "template", None)
    if type(inner) is not base.Template:
        return None
    if all(type(node) is base.TextNode for node in inner.nodelist):
        return "".join(node.s for node in inner.nodelist)  # type: ignore[attr-defined]
    return None


def _is_unwatched() -> bool:
    """Whether nobody wants to be told of every page that is rendered, as tests of a site do."""
    return base.Template._render.__module__ == base.__name__  # type: ignore[attr-defined]
