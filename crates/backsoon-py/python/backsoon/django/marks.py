"""Marks on views: always open, always closed."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from functools import wraps
from typing import Any, Callable, Optional, TypeVar

from django.conf import settings
from django.urls import Resolver404, get_resolver
from django.utils.decorators import method_decorator
from django.utils.translation import get_language_from_path, override

View = TypeVar("View", bound=Callable[..., Any])

LOCALE = "django.middleware.locale.LocaleMiddleware"

#: On a view: True for always open, False for always closed.
MARK = "_backsoon_open"

#: Whether any view was ever marked as open, and the names of those that others have made.
_opened: "set[str]" = set()


def always_open(view: View) -> View:
    """Lets a view, a coroutine or a class-based view answer also while the site is closed."""
    _opened.add("")
    return _marked(view, True)


def open_by_name(name: str) -> None:
    """The same for a view of somebody else, by its name: ``admin:login``."""
    _opened.add(name)


def always_closed(view: View) -> View:
    """Refuses a view also while the site is open."""
    return _marked(view, False)


def _marked(view: View, is_open: bool) -> View:
    if inspect.isclass(view):
        mark = always_open if is_open else always_closed
        return method_decorator(mark, name="dispatch")(view)
    if inspect.iscoroutinefunction(view):

        @wraps(view)
        async def marked(*args: Any, **kwargs: Any) -> Any:
            return await view(*args, **kwargs)
    else:

        @wraps(view)
        def marked(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

    setattr(marked, MARK, is_open)
    return marked  # type: ignore[return-value]


def of(view: Any) -> Optional[bool]:
    """The mark on a view, if there is one."""
    return getattr(view, MARK, None)


def found(request: Any) -> Optional[bool]:
    """The mark on the view that would answer ``request``. Only asked for what is about to be refused."""
    resolver = get_resolver(getattr(request, "urlconf", None))
    resolver.url_patterns  # The views are marked when they are imported.
    if not _opened:
        return None
    try:
        with language(request):
            match = resolver.resolve(request.path_info)
    except Resolver404:
        return None
    return True if match.view_name in _opened else of(match.func)


def language(request: Any) -> Any:
    """The language of the URL, where the middleware that finds it out comes after ours."""
    if hasattr(request, "LANGUAGE_CODE") or LOCALE not in settings.MIDDLEWARE:
        return nullcontext()
    found = get_language_from_path(request.path_info)
    return override(found) if found else nullcontext()
