"""Marks on views: always open, always closed."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from functools import wraps
from typing import Any, Callable, NamedTuple, Optional, TypeVar

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, get_resolver
from django.utils.translation import get_language_from_path, override

View = TypeVar("View", bound=Callable[..., Any])

LOCALE = "django.middleware.locale.LocaleMiddleware"

#: On a view: True for always open, False for always closed.
MARK = "_backsoon_open"

#: Whether any view was ever marked as open, and the names of those that others have made.
_opened: "set[str]" = set()

#: The middleware of the site, once it was made.
_door: Any = None


def always_open(view: View) -> View:
    """Lets a view, a coroutine or a class-based view answer also while the site is closed.

    It has to be the outermost decorator, as far as others keep no attributes of what they wrap (``api_view`` does not).
    """
    _opened.add("")
    return _marked(view, True)


def open_by_name(name: str) -> None:
    """The same for a view of somebody else, by its name: ``admin:login``."""
    _opened.add(name)


def always_closed(view: View) -> View:
    """Refuses a view also while the site is open, whatever is wrapped around it. ``always_open`` around it outdoes it."""
    return _marked(view, False)


def _marked(view: Any, is_open: bool) -> Any:
    if inspect.isclass(view):
        view.dispatch = _dispatching(view.dispatch, is_open)  # type: ignore[attr-defined]
        # For those below it that dispatch in a way of their own.
        setattr(view, MARK, is_open)
        return view
    if inspect.iscoroutinefunction(view):

        @wraps(view)
        async def marked(*args: Any, **kwargs: Any) -> Any:
            refusal = None if is_open else _refusal(args, kwargs)
            return await view(*args, **kwargs) if refusal is None else await refusal.door.arefuse(refusal.request, refusal.reply)
    else:

        @wraps(view)
        def marked(*args: Any, **kwargs: Any) -> Any:
            refusal = None if is_open else _refusal(args, kwargs)
            return view(*args, **kwargs) if refusal is None else refusal.door.refuse(refusal.request, refusal.reply)

    setattr(marked, MARK, is_open)
    return marked


def _dispatching(dispatch: "Callable[..., Any]", is_open: bool) -> "Callable[..., Any]":
    @wraps(dispatch)
    def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
        refusal = None if is_open else _refusal(args, kwargs)
        if refusal is None:
            return dispatch(self, *args, **kwargs)
        is_async = getattr(self, "view_is_async", False)
        return (refusal.door.arefuse if is_async else refusal.door.refuse)(refusal.request, refusal.reply)

    setattr(marked, MARK, is_open)
    return marked


class Refusal(NamedTuple):
    """What is said in place of a view that is always closed."""

    door: Any
    request: Any
    reply: Any


def _refusal(args: "tuple[Any, ...]", kwargs: "dict[str, Any]") -> Optional[Refusal]:
    """The middleware refuses what it can see to be marked. Others may have wrapped a view in something that hides the mark."""
    # Those of REST frameworks wrap the request as well.
    plain = (getattr(given, "_request", given) for given in (*args, *kwargs.values()))
    request = next((given for given in plain if isinstance(given, HttpRequest)), None)
    match = getattr(request, "resolver_match", None)
    if _door is None or request is None or (match is not None and of(match.func) is True):
        return None
    reply = _door.closed(request)
    return None if reply is None else Refusal(_door, request, reply)


def behind(door: Any) -> None:
    """Notes the site's middleware, which refuses for the views that do so by themselves."""
    global _door
    _door = door


def of(view: Any) -> Optional[bool]:
    """The mark on a view, if there is one."""
    mark = getattr(view, MARK, None)
    if mark is not None:
        return mark
    of_class = getattr(view, "view_class", None)
    return None if of_class is None else getattr(of_class, MARK, None)


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
