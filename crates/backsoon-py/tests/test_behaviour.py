"""The behaviour table through Django, WSGI and ASGI."""

from pathlib import Path

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from faces import asgi, wsgi

from backsoon import Request, _core
from backsoon.django import middleware, users
from backsoon.instance import Instance

CASES = _core.cases(Path(__file__).parents[3] / "spec" / "behaviour")


class Row(Instance):
    """A member that has a row's state in force."""

    def __init__(self, core):
        self._core = core
        self.try_admit, self.wait, self.join, self.mode = core.try_admit, core.wait, core.join, core.mode


@pytest.fixture
def row(monkeypatch, request):
    """Makes the site follow one row, and counts how often the user was asked for."""
    case, asked = request.param, []
    monkeypatch.setattr(middleware, "member", lambda conf, holding: Row(case.instance()))

    def known(request, find):
        asked.append(request)
        return case.user

    async def aknown(request, find):
        return known(request, find)

    monkeypatch.setattr(users, "known", known)
    monkeypatch.setattr(users, "aknown", aknown)
    return case, asked


def wrong(row, face, handler):
    case, asked = row
    sent = dict(method=case.method, host=case.host, path=case.path, peer=case.peer, headers=case.headers)
    answer = face(handler(), **sent)
    return case.check(answer.status, answer.headers, list(answer.body), None, len(asked))


def test_the_table_is_there():
    assert len(CASES) >= 400


@pytest.mark.parametrize("row", CASES, ids=lambda case: case.name, indirect=True)
def test_wsgi(row):
    assert wrong(row, wsgi, WSGIHandler) is None


@pytest.mark.parametrize("row", CASES, ids=lambda case: case.name, indirect=True)
def test_asgi(row):
    assert wrong(row, asgi, ASGIHandler) is None


@pytest.mark.parametrize(
    "environ, scheme, name",
    [
        ({"wsgi.url_scheme": "https"}, None, "__Host-backsoon"),
        ({"wsgi.url_scheme": "http"}, None, "backsoon"),
        ({}, "https", "__Host-backsoon"),
        ({"wsgi.url_scheme": "https"}, "http", "backsoon"),
    ],
)
def test_the_cookie_of_a_pass_is_for_https_alone_where_visitors_come_so(environ, scheme, name):
    case = next(case for case in CASES if case.name == "The link of a pass sets a cookie and leads to the site")
    seen = {"REQUEST_METHOD": "GET", "HTTP_HOST": case.host, "REMOTE_ADDR": "192.0.2.1", **environ}
    reply = case.instance().try_admit(Request(seen, case.path, None, None, scheme))
    cookie = dict(reply.headers)["set-cookie"]
    assert cookie.startswith(f"{name}=1.k1.p1.") and ("; Secure;" in cookie) == (name != "backsoon")


@override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
@pytest.mark.parametrize("face, handler", [(wsgi, WSGIHandler), (asgi, ASGIHandler)])
def test_django_says_how_visitors_come(face, handler, monkeypatch):
    case = next(case for case in CASES if case.name == "The link of a pass sets a cookie and leads to the site")
    monkeypatch.setattr(middleware, "member", lambda conf, holding: Row(case.instance()))
    answer = face(handler(), path=case.path, host=case.host, headers=[("X-Forwarded-Proto", "https")])
    assert dict(answer.headers)["set-cookie"].startswith("__Host-backsoon=1.")
