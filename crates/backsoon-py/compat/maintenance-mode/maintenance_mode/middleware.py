"""The door of a site."""

from __future__ import annotations

from typing import Any, Callable, Optional

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from . import marks
from .core import get_known_maintenance_mode
from .http import get_maintenance_response, need_maintenance_response

#: What answers at once, so that no other thread is needed to ask it.
LOCAL = "maintenance_mode.backends.LocalFileBackend"


class MaintenanceModeMiddleware:
    """Refuses while the mode is on, but for the exceptions that the settings name."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Optional[Callable[[HttpRequest], Any]] = None) -> None:
        self.get_response = get_response
        self.is_async = get_response is not None and iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
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
        if need_maintenance_response(request):
            return get_maintenance_response(request)
        return None

    def _is_plainly_open(self) -> bool:
        """Whether that can be said without waiting for anybody, and without what a subclass has to say."""
        if type(self).process_request is not MaintenanceModeMiddleware.process_request or marks.CLOSED in marks.used:
            return False
        is_set = settings.MAINTENANCE_MODE is not None
        is_local = settings.MAINTENANCE_MODE_STATE_BACKEND == LOCAL and not settings.MAINTENANCE_MODE_STORE
        return (is_set or is_local) and not get_known_maintenance_mode()


def kept(request: HttpRequest, response: Any) -> Any:
    """Ends what a Backsoon store counts with the last byte of the response: servers close it then."""
    permit = request.__dict__.pop("_maintenance_permit", None)
    if permit is not None and hasattr(response, "_resource_closers"):
        response._resource_closers.append(permit.release)
    return response
