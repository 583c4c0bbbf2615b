"""The behaviour table through Django, WSGI and ASGI."""

from pathlib import Path

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from faces import asgi, wsgi

from backsoon import _core
from backsoon.django import middleware, users
from backsoon.instance import Instance

CASES = _core.cases(Path(__file__).parents[3] / "spec" / "behaviour")


class Row(Instance):
    """A member that has a row's state in force."""

    def __init__(self, core):
        self._core = core
        self.try_admit, self.wait, self.join = core.try_admit, core.wait, core.join


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
