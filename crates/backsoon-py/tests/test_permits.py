"""A permit ends with the last byte of its response, and with nothing else: not earlier, and not when Python finds time."""

import asyncio
import gc
import threading

import django
import pytest
from asgiref.sync import markcoroutinefunction
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from faces import asgi, asgi_within, wsgi
from waiting import eventually

from backsoon.django.middleware import MaintenanceMiddleware

OURS = "backsoon.django.middleware.MaintenanceMiddleware"
FACES = [(wsgi, WSGIHandler), (asgi, ASGIHandler)]


@pytest.fixture
def no_collector():
    """What lies in circles stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("face, handler", FACES)
def test_a_response_may_be_kept_by_the_cache_of_a_site(face, handler, site, backsoon):
    site()
    cache = [f"django.middleware.cache.{name}CacheMiddleware" for name in ("Update", "FetchFrom")]
    with override_settings(MIDDLEWARE=[cache[0], OURS, cache[1]]):
        door = handler()
    answers = [face(door, path=f"/cached/{face.__name__}/") for _ in range(2)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"here")] * 2
    assert "expires" in dict(answers[1].headers), "it came from the cache"
    assert "confirmed" in backsoon("on", "--wait=20s")
    assert face(door, path=f"/cached/{face.__name__}/").status == 503


@pytest.mark.parametrize("face, handler", FACES)
def test_a_response_that_is_thrown_away_counts_no_more(face, handler, site, backsoon, no_collector):
    site()
    # What users and sessions add to a request makes circles of it.
    others = ["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"]
    with override_settings(MIDDLEWARE=["django.middleware.http.ConditionalGetMiddleware", *others, OURS]):
        door = handler()
    tag = dict(face(door).headers)["etag"]
    assert face(door, headers=[("if-none-match", tag)]).status == 304
    assert "confirmed" in backsoon("on", "--wait=20s")


def throw_away(get_response):
    async def answer(request):
        await get_response(request)
        return HttpResponse("in its place")

    return markcoroutinefunction(answer)


throw_away.sync_capable, throw_away.async_capable = False, True


def test_a_stream_that_fails_counts_no_more(site, backsoon, no_collector):
    site()
    door = ASGIHandler()
    with pytest.raises(ValueError, match="the stream fails") as error:
        asgi(door, path="/failing/")
    assert "confirmed" in backsoon("on", "--wait=20s")
    assert error.value is not None, "and with it all that its frames hold"


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_in_place_of_a_response_ends_the_permit(is_async, site, backsoon, no_collector):
    site()

    def ended(request):
        raise SystemExit(3)

    async def aended(request):
        raise SystemExit(3)

    request = (AsyncRequestFactory() if is_async else RequestFactory()).get("/")
    door = MaintenanceMiddleware(aended if is_async else ended)
    with pytest.raises(SystemExit) as error:
        asyncio.run(door(request)) if is_async else door(request)
    assert "confirmed" in backsoon("on", "--wait=20s")
    assert error.value.code == 3


def test_a_request_that_is_kept_counts_no_more(site, backsoon):
    site()
    request = RequestFactory().get("/")
    MaintenanceMiddleware(lambda request: HttpResponse("here"))(request).close()
    response = MaintenanceMiddleware(lambda request: HttpResponse("here"))(request)
    assert not hasattr(request, "_backsoon_permit")
    assert "1 earlier request" in backsoon("on", "--wait=1s", code=3)
    del response
    assert "confirmed" in backsoon("on", "--wait=20s")


@pytest.mark.parametrize("path", ["/streamed/", "/astreamed/"])
def test_a_stream_that_nobody_wanted_counts_no_more(path, site, backsoon, no_collector):
    site()

    with override_settings(MIDDLEWARE=["test_permits.throw_away", OURS]):
        door = ASGIHandler()
    assert asgi(door, path=path).body == b"in its place"
    assert "confirmed" in backsoon("on", "--wait=20s")


def visitor_of(path, door, goes):
    """A visitor in a loop of his own, who has gone when ``goes`` is called."""

    async def visit():
        gone = asyncio.Event()
        goes.append((asyncio.get_running_loop(), gone))
        await asgi_within(door, path=path, gone=gone)
        await asyncio.sleep(0.1)

    thread = threading.Thread(target=lambda: asyncio.run(visit()))
    thread.start()
    return thread


def test_a_view_goes_on_in_its_thread_when_the_visitor_has_gone(site, backsoon, tmp_path):
    site()
    started, go, goes = tmp_path / "started", tmp_path / "go", []
    running = visitor_of(f"/slow/?started={started}&go={go}", ASGIHandler(), goes)
    try:
        eventually("it runs", started.exists)
        loop, gone = goes[0]
        loop.call_soon_threadsafe(gone.set)
        assert "1 earlier request" in backsoon("on", "--wait=2s", code=3)
    finally:
        go.touch()
        running.join()
    assert "confirmed" in backsoon("on", "--wait=20s")


def test_a_coroutine_ends_when_the_visitor_has_gone(site, backsoon, tmp_path):
    site()
    started, door = tmp_path / "started", ASGIHandler()

    async def visit():
        gone = asyncio.Event()
        running = asyncio.create_task(asgi_within(door, path=f"/aslow/?started={started}", gone=gone))
        await asyncio.to_thread(eventually, "it runs", started.exists)
        if django.VERSION >= (5,):  # Before that Django does not notice that a visitor has gone.
            gone.set()
        else:
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return await asyncio.to_thread(backsoon, "on", "--wait=20s")

    assert "confirmed" in asyncio.run(visit())
