"""The door of a Django site."""

from __future__ import annotations

import logging
from typing import Any, Awaitable, Callable, Optional, Union
from urllib.parse import quote

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from backsoon import Ask, Hold, Permit, Reply, Request, host, permits

from backsoon._core import LINKS
from backsoon.instance import name_pass

from . import marks, users
from .conf import Conf
from .context import Maintenance, member

logger = logging.getLogger("backsoon.django")


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
        self.joined = False
        marks.behind(self)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> "Union[HttpResponse, Awaitable[HttpResponse]]":
        if self.is_async:
            return self.acall(request)
        seen, route = self.seen(request), self.mark(request)
        answer = self.instance.try_admit(seen, None, route)
        user = 0
        if isinstance(answer, Ask):
            user = users.known(request, self.find)
            answer = self.instance.try_admit(seen, user, route)
        if route is None and not isinstance(answer, Permit) and marks.found(request) is True:
            answer = self.instance.try_admit(seen, user, True)
        if isinstance(answer, Hold):
            answer = self.instance.wait(seen, user)
        if not isinstance(answer, Permit):
            return self.refuse(request, answer)
        request._backsoon_permit = answer  # type: ignore[attr-defined]
        try:
            return kept(answer, request, self.get_response(request))
        except BaseException:
            answer.release()
            raise
        finally:
            request.__dict__.pop("_backsoon_permit", None)

    async def acall(self, request: HttpRequest) -> HttpResponse:
        if not self.joined:
            # The store may take its time; other requests of this loop go on meanwhile.
            from asyncio import to_thread

            await to_thread(self.instance.join)
            self.joined = True
        seen, route = self.seen(request), self.mark(request)
        answer = self.instance.try_admit(seen, None, route)
        user = 0
        if isinstance(answer, Ask):
            user = await users.aknown(request, self.find)
            answer = self.instance.try_admit(seen, user, route)
        if route is None and not isinstance(answer, Permit) and marks.found(request) is True:
            answer = self.instance.try_admit(seen, user, True)
        if isinstance(answer, Hold):
            answer = await self.instance.admit(seen, user)
        if not isinstance(answer, Permit):
            return await self.arefuse(request, answer)
        request._backsoon_permit = answer  # type: ignore[attr-defined]
        try:
            return kept(answer, request, await self.get_response(request))
        except BaseException as error:
            permits.let_go(answer, error)
            raise
        finally:
            request.__dict__.pop("_backsoon_permit", None)

    @property
    def process_view(self) -> Any:
        """What Django asks about every view that it has found; a coroutine under ASGI, or Django would use a thread."""
        return self.aview if self.is_async else self.view

    def view(self, request: HttpRequest, view: Any, *_: Any) -> Optional[HttpResponse]:
        reply = self.refusal_of(request, view)
        return None if reply is None else self.refuse(request, reply)

    async def aview(self, request: HttpRequest, view: Any, *_: Any) -> Optional[HttpResponse]:
        reply = self.refusal_of(request, view)
        return None if reply is None else await self.arefuse(request, reply)

    def refusal_of(self, request: HttpRequest, view: Any) -> Optional[Reply]:
        """What is said in place of a view that is always closed."""
        return self.closed(request) if marks.of(view) is False else None

    def closed(self, request: HttpRequest) -> Optional[Reply]:
        """The same for a view that says of itself that it is."""
        answer = self.instance.try_admit(self.seen(request), None, False)
        return answer if isinstance(answer, Reply) else None

    def mark(self, request: HttpRequest) -> Optional[bool]:
        """True for a view that is always open. Looked for beforehand where the site is closed: to be asked is to count."""
        is_closed = self.instance.refuses_strangers(host.of(request), request.method or "")
        return True if is_closed and marks.found(request) is True else None

    def seen(self, request: HttpRequest) -> Request:
        """The request as the core sees it."""
        path, method, scheme = None, None, None
        scope = getattr(request, "scope", None)
        if scope is not None:
            raw = scope.get("raw_path")
            path = raw.decode("latin-1") if raw else quote(scope.get("path", "/"))
            method = scope.get("method")  # Django turns it into capitals.
        if request.path.startswith(LINKS):
            scheme = request.scheme  # As Django's settings say; it decides whether the cookie is for https alone.
        return Request(request.META, path, host.of(request), method, scheme)

    def refuse(self, request: HttpRequest, reply: Reply) -> HttpResponse:
        """The answer in place of the application's."""
        request._backsoon_refused = True  # type: ignore[attr-defined]
        headers = dict(reply.headers)
        if not self.is_own(reply):
            return HttpResponse(reply.body, status=reply.status, headers=headers)
        page = {"maintenance": Maintenance(self.instance, request), "request_path": request.path}
        try:
            body = render_to_string(self.template, page, request)  # type: ignore[arg-type]
        except Exception:
            # That a database is down may be why the site is closed.
            logger.exception("the template %r cannot be shown; the built-in page is shown instead", self.template)
            return HttpResponse(reply.body, status=reply.status, headers=headers)
        for of_the_built_in_page in (
            "content-type",
            "content-language",
            "content-length",
            "content-security-policy",
        ):
            headers.pop(of_the_built_in_page, None)
        return HttpResponse(body, status=reply.status, headers=headers)

    async def arefuse(self, request: HttpRequest, reply: Reply) -> HttpResponse:
        """The same. What a template asks for may need a thread, as everything that asks a database."""
        if self.is_own(reply):
            return await sync_to_async(self.refuse)(request, reply)
        return self.refuse(request, reply)

    def is_own(self, reply: Reply) -> bool:
        """Whether a template of the site stands for the page."""
        return self.template is not None and dict(reply.headers).get("content-type", "").startswith("text/html")


def kept(permit: Permit, request: HttpRequest, response: Any) -> Any:
    """The response with what the permit says, and with the permit until its last byte."""
    if permit.upcoming is not None:
        response["Backsoon-Upcoming"] = permit.upcoming
    if permit.pass_id is not None:
        name_pass(response, permit.pass_id)
    permits.hand_over(permit, request, response)
    return response
