"""A middleware in the old form: a class with ``process_request``, which may stand alone."""

from __future__ import annotations

from typing import Any, Callable, Optional

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse

from backsoon import permits

from .member import kept


class Middleware:
    """Asks ``process_request`` for an answer in place of the application's. A coroutine under ASGI."""

    sync_capable = True
    async_capable = True
    # Here as well, for subclasses with a beginning of their own.
    get_response: Optional[Callable[[HttpRequest], Any]] = None
    is_async = sees_views = False
    #: For subclasses, as those of Django's `MiddlewareMixin` have it.
    process_response: Optional[Callable[[Any, Any], Any]] = None

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

    def __call__(self, request: HttpRequest) -> Any:
        if self.sees_views:
            request._maintenance_view_to_come = True  # type: ignore[attr-defined]
        if self.is_async:
            return self.__acall__(request)
        response = self.process_request(request)
        if response is not None:
            release(request)
        elif self.get_response is not None:
            try:
                response = kept(request, self.get_response(request))
            except BaseException:
                release(request)
                raise
        return response if self.process_response is None else self.process_response(request, response)

    async def __acall__(self, request: HttpRequest) -> Any:
        response = None
        if not self.is_plainly_open(request):
            response = await sync_to_async(self.process_request)(request)
        if response is not None:
            release(request)
        elif self.get_response is not None:
            try:
                response = kept(request, await self.get_response(request))
            except BaseException as error:
                permit = request.__dict__.pop("_maintenance_permit", None)
                if permit is not None:
                    permits.let_go(permit, error)
                raise
        return response if self.process_response is None else await sync_to_async(self.process_response)(request, response)

    def process_request(self, request: HttpRequest) -> Optional[HttpResponse]:
        """The answer in place of the application's, if there is to be one."""
        raise NotImplementedError

    def is_plainly_open(self, request: HttpRequest) -> bool:
        """Whether that can be said without waiting for anybody, and without what a subclass has to say."""
        return False


def release(request: HttpRequest) -> None:
    """Ends what a Backsoon store counts at once."""
    permit = request.__dict__.pop("_maintenance_permit", None)
    if permit is not None:
        permit.release()
