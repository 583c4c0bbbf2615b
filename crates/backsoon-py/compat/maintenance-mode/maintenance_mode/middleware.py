"""The door of a site."""

from __future__ import annotations

from typing import Any, Callable, Optional

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse

from backsoon.dropin.middleware import Middleware

from . import http, marks
from .core import LOCAL_BACKEND, get_known_maintenance_mode
from .http import get_maintenance_response, need_maintenance_response
from .live import live

#: Tests of a site may put something in its place.
_need = need_maintenance_response


class MaintenanceModeMiddleware(Middleware):
    """Refuses while the mode is on, but for the exceptions that the settings name."""

    @property
    def process_view(self) -> Callable[..., Any]:
        """Django asks for it when it loads the middleware, and then hands over every view that it has found."""
        self.sees_views = True
        return _arefuse_view if self.is_async else _refuse_view

    def process_request(self, request: HttpRequest) -> Optional[HttpResponse]:
        """The answer in place of the application's, if there is to be one."""
        return get_maintenance_response(request) if need_maintenance_response(request) else None

    def is_plainly_open(self, request: HttpRequest) -> bool:
        """Whether that can be said without waiting for anybody, and without what a subclass has to say."""
        if type(self).process_request.__module__ != __name__ or not self.sees_views:
            return False
        if need_maintenance_response is not _need or http.get_maintenance_mode is not http._mode:
            return False
        # Whoever else keeps the state may take its time.
        is_set = live("MAINTENANCE_MODE") is not None
        is_local = live("MAINTENANCE_MODE_STATE_BACKEND") == LOCAL_BACKEND and not live("MAINTENANCE_MODE_STORE")
        return (is_set or is_local) and not get_known_maintenance_mode()


def _refuse_view(request: HttpRequest, view: Any, *_: Any) -> Optional[HttpResponse]:
    """The answer in place of a view that is closed although the mode is off."""
    return get_maintenance_response(request) if _is_closed(view) else None


async def _arefuse_view(request: HttpRequest, view: Any, *_: Any) -> Optional[HttpResponse]:
    return await sync_to_async(get_maintenance_response)(request) if _is_closed(view) else None


def _is_closed(view: Any) -> bool:
    return getattr(view, marks.CLOSED, False) and not getattr(view, marks.OPENED, False)
