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


class Open(View):
    def get(self, request):
        return here(request)


urlpatterns = [
    path("backstage/", admin.site.urls),
    path("open/", always_open(here)),
    path("aopen/", always_open(ahere)),
    path("class/", always_open(Open).as_view()),
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
