import asyncio
import os
import time

from django.contrib import admin
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.conf.urls.i18n import i18n_patterns
from django.urls import path, re_path
from django.views import View

from backsoon.django import always_closed, always_open


def here(request, *args, **kwargs):
    return HttpResponse("here", headers={"x-application": "here"})


async def ahere(request):
    return HttpResponse("here", headers={"x-application": "here"})


def slow(request):
    """Says that it runs, and goes on until it is told to end."""
    started, go = request.GET["started"], request.GET["go"]
    open(started, "w").close()
    while not os.path.exists(go):
        time.sleep(0.01)
    return here(request)


def streamed(request):
    def parts():
        yield b"first"
        open(request.GET["started"], "w").close()
        while not os.path.exists(request.GET["go"]):
            time.sleep(0.01)
        yield b"last"

    return StreamingHttpResponse(parts())


async def astreamed(request):
    async def parts():
        yield b"first"
        open(request.GET["started"], "w").close()
        while not os.path.exists(request.GET["go"]):
            await asyncio.sleep(0.01)
        yield b"last"

    return StreamingHttpResponse(parts())


async def aslow(request):
    open(request.GET["started"], "w").close()
    await asyncio.sleep(60)
    return here(request)


async def failing(request):
    async def parts():
        yield b"first"
        raise ValueError("the stream fails")

    return StreamingHttpResponse(parts())


@always_open
class Open(View):
    def get(self, request):
        return here(request)


@always_closed
class Shut(View):
    def get(self, request):
        return here(request)


class ShutBelow(Shut):
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)


class ShutOfItsOwn(Shut):
    def dispatch(self, request, *args, **kwargs):
        return here(request)


@always_closed
class AShut(View):
    async def get(self, request):
        return here(request)


class AShutBelow(AShut):
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)


@always_open
class Reopened(Shut):
    pass


class OpenBelow(Open):
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)


def in_clothes(view):
    """As decorators do that keep nothing of what they wrap."""
    return lambda request: view(request)


def in_async_clothes(view):
    async def clothes(request):
        return await view(request)

    return clothes


urlpatterns = [
    path("shut/", Shut.as_view()),
    path("shut/below/", ShutBelow.as_view()),
    path("shut/own/", ShutOfItsOwn.as_view()),
    path("shut/async/", AShut.as_view()),
    path("shut/async/below/", AShutBelow.as_view()),
    path("shut/clothes/", in_clothes(always_closed(here))),
    path("shut/async/clothes/", in_async_clothes(always_closed(ahere))),
    path("reopened/", always_open(always_closed(here))),
    path("reopened/class/", Reopened.as_view()),
    path("class/below/", OpenBelow.as_view()),
    path("backstage/", admin.site.urls),
    path("open/", always_open(here)),
    path("aopen/", always_open(ahere)),
    path("class/", Open.as_view()),
    path("closed/", always_closed(here)),
    path("aclosed/", always_closed(ahere)),
    path("banner/", lambda request: render(request, "banner.html")),
    path("slow/", slow),
    path("aslow/", aslow),
    path("failing/", failing),
    path("streamed/", streamed),
    path("astreamed/", astreamed),
    path("broken/", lambda request: HttpResponse("broken", status=503)),
    *i18n_patterns(path("hook/", always_open(here))),
    re_path("", here),
]
