"""Views that are always open, or always closed."""

from __future__ import annotations

from functools import wraps
from typing import Any, Callable, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async

from . import marks
from .http import get_maintenance_response

View = TypeVar("View", bound=Callable[..., Any])


def force_maintenance_mode_off(view_func: View) -> View:
    """Lets a view answer also while the mode is on."""
    if iscoroutinefunction(view_func):

        @wraps(view_func)
        async def opened(request: Any, *args: Any, **kwargs: Any) -> Any:
            return await view_func(request, *args, **kwargs)
    else:

        @wraps(view_func)
        def opened(request: Any, *args: Any, **kwargs: Any) -> Any:
            return view_func(request, *args, **kwargs)

    return _marked(opened, marks.OPENED)


def force_maintenance_mode_on(view_func: View) -> View:
    """Refuses in place of a view, whether the mode is on or not, and without the middleware as well."""
    if iscoroutinefunction(view_func):

        @wraps(view_func)
        async def closed(request: Any, *args: Any, **kwargs: Any) -> Any:
            return await sync_to_async(get_maintenance_response)(request)
    else:

        @wraps(view_func)
        def closed(request: Any, *args: Any, **kwargs: Any) -> Any:
            response = get_maintenance_response(request)
            # `method_decorator` hands over a method of a class-based view, whose answer may have to be awaited.
            owner = getattr(getattr(view_func, "func", None), "__self__", None)
            return _awaited(response) if getattr(owner, "view_is_async", False) else response

    return _marked(closed, marks.CLOSED)


async def _awaited(response: Any) -> Any:
    return response


def _marked(view: Any, mark: str) -> Any:
    setattr(view, mark, True)
    marks.used.add(mark)
    return view
