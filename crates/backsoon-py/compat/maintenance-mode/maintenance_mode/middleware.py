"""The door of a site."""

from __future__ import annotations

from typing import Any, Callable, Optional

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse

from . import marks
from .core import LOCAL_BACKEND, get_known_maintenance_mode
from .http import get_maintenance_response, link_response, need_maintenance_response
from .live import live



class MaintenanceModeMiddleware:
    """Refuses while the mode is on, but for the exceptions that the settings name."""

    sync_capable = True
    async_capable = True
    # Here as well, for subclasses with a beginning of their own.
    get_response: Optional[Callable[[HttpRequest], Any]] = None
    is_async = sees_views = False

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        # Written for the original, which is never a coroutine.
        if "__call__" in cls.__dict__ and "async_capable" not in cls.__dict__:
            cls.async_capable = False

    def __init__(self, get_response: Optional[Callable[[HttpRequest], Any]] = None) -> None:
        self.get_response = get_response
        self.is_async = get_response is not None and iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    @property
    def process_view(self) -> Callable[..., Any]:
        """Django asks for it when it loads the middleware, and then hands over every view that it has found."""
        self.sees_views = True
        return _arefuse_view if self.is_async else _refuse_view

    def __call__(self, request: HttpRequest) -> Any:
        if self.sees_views:
            request._maintenance_view_to_come = True  # type: ignore[attr-defined]
        if self.is_async:
            return self.__acall__(request)
        response = self.process_request(request)
        if response is None and self.get_response is not None:
            response = kept(request, self.get_response(request))
        return response

    async def __acall__(self, request: HttpRequest) -> Any:
        response = None
        if not self._is_plainly_open():
            response = await sync_to_async(self.process_request)(request)
        if response is None and self.get_response is not None:
            response = kept(request, await self.get_response(request))
        return response

    def process_request(self, request: HttpRequest) -> Optional[HttpResponse]:
        """The answer in place of the application's, if there is to be one."""
        link = link_response(request)
        if link is None and need_maintenance_response(request):
            return get_maintenance_response(request)
        return link

    def _is_plainly_open(self) -> bool:
        """Whether that can be said without waiting for anybody, and without what a subclass has to say."""
        if type(self).process_request is not MaintenanceModeMiddleware.process_request or not self.sees_views:
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


def kept(request: HttpRequest, response: Any) -> Any:
    """Ends what a Backsoon store counts with the last byte of the response: servers close it then."""
    if "_maintenance_permit" in request.__dict__:
        permit = request.__dict__.pop("_maintenance_permit")
        if permit is not None and permit.pass_id is not None:
            response["Backsoon-Pass"] = permit.pass_id
        if permit is not None and hasattr(response, "_resource_closers"):
            response._resource_closers.append(permit.release)
    return response
