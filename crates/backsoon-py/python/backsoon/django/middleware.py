"""The door of a Django site."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Optional, Union
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from backsoon import Ask, Hold, Permit, Reply, Request

from backsoon._core import LINKS
from backsoon.instance import name_pass

from . import marks, users
from .conf import Conf
from .context import Maintenance, member


class MaintenanceMiddleware:
    """Refuses what the core refuses, and keeps the permit of everything else until its last byte."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        conf = Conf()
        # A worker without an event loop would be taken up whole by a request that waits.
        self.instance = member(conf, "waits" if self.is_async else "refuses")
        self.template, self.find = conf.template, conf.user()
        self.forwarded_host = settings.USE_X_FORWARDED_HOST
        self.joined = False
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> "Union[HttpResponse, Awaitable[HttpResponse]]":
        if self.is_async:
            return self.acall(request)
        seen = self.seen(request)
        answer = self.instance.try_admit(seen)
        user = 0
        if isinstance(answer, Ask):
            user = users.known(request, self.find)
            answer = self.instance.try_admit(seen, user)
        if not isinstance(answer, Permit) and marks.found(request) is True:
            answer = self.instance.try_admit(seen, user, True)
        if isinstance(answer, Hold):
            answer = self.instance.wait(seen, user)
        if isinstance(answer, Permit):
            request._backsoon_permit = answer  # type: ignore[attr-defined]
            return kept(answer, self.get_response(request))
        return self.refuse(request, answer)

    async def acall(self, request: HttpRequest) -> HttpResponse:
        if not self.joined:
            # The store may take its time; other requests of this loop go on meanwhile.
            from asyncio import to_thread

            await to_thread(self.instance.join)
            self.joined = True
        seen = self.seen(request)
        answer = self.instance.try_admit(seen)
        user = 0
        if isinstance(answer, Ask):
            user = await users.aknown(request, self.find)
            answer = self.instance.try_admit(seen, user)
        if not isinstance(answer, Permit) and marks.found(request) is True:
            answer = self.instance.try_admit(seen, user, True)
        if isinstance(answer, Hold):
            answer = await self.instance.admit(seen, user)
        if isinstance(answer, Permit):
            request._backsoon_permit = answer  # type: ignore[attr-defined]
            try:
                return kept(answer, await self.get_response(request))
            except BaseException:
                # The visitor has gone, and Django has cancelled the request.
                answer.release()
                raise
        return self.refuse(request, answer)

    @property
    def process_view(self) -> Any:
        """What Django asks about every view that it has found; a coroutine under ASGI, or Django would use a thread."""
        return self.aview if self.is_async else self.view

    def view(self, request: HttpRequest, view: Any, *_: Any) -> Optional[HttpResponse]:
        if marks.of(view) is not False:
            return None
        answer = self.instance.try_admit(self.seen(request), None, False)
        return self.refuse(request, answer) if isinstance(answer, Reply) else None

    async def aview(self, request: HttpRequest, view: Any, *_: Any) -> Optional[HttpResponse]:
        return self.view(request, view)

    def seen(self, request: HttpRequest) -> Request:
        """The request as the core sees it."""
        meta, path, host, method, scheme = request.META, None, None, None, None
        scope = getattr(request, "scope", None)
        if scope is not None:
            raw = scope.get("raw_path")
            path = raw.decode("latin-1") if raw else quote(scope.get("path", "/"))
            method = scope.get("method")  # Django turns it into capitals.
        if self.forwarded_host:
            host = meta.get("HTTP_X_FORWARDED_HOST")
        if request.path.startswith(LINKS):
            scheme = request.scheme  # As Django's settings say; it decides whether the cookie is for https alone.
        return Request(meta, path, host, method, scheme)

    def refuse(self, request: HttpRequest, reply: Reply) -> HttpResponse:
        """The answer in place of the application's."""
        request._backsoon_refused = True  # type: ignore[attr-defined]
        headers = dict(reply.headers)
        if self.template is None or not headers.get("content-type", "").startswith("text/html"):
            return HttpResponse(reply.body, status=reply.status, headers=headers)
        page = {"maintenance": Maintenance(self.instance, request), "request_path": request.path}
        body = render_to_string(self.template, page, request)
        for of_the_built_in_page in (
            "content-type",
            "content-language",
            "content-length",
            "content-security-policy",
        ):
            headers.pop(of_the_built_in_page, None)
        return HttpResponse(body, status=reply.status, headers=headers)


def kept(permit: Permit, response: Any) -> Any:
    """Ends the permit with the last byte of the response: servers close it then (PEP 3333; Django's ASGI handler)."""
    if permit.upcoming is not None:
        response["Backsoon-Upcoming"] = permit.upcoming
    if permit.pass_id is not None:
        name_pass(response, permit.pass_id)
    response._resource_closers.append(permit.release)
    return response
