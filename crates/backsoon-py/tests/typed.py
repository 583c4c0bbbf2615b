"""Read by mypy, and never run: what decorators leave of the types of what they decorate."""

from django.http import HttpRequest, HttpResponse
from typing_extensions import assert_type

from backsoon.django import always_closed, always_open, maintenance


@maintenance()
def work(number: int) -> str:
    return str(number)


@maintenance("shop.example.com", message="Back at nine.")
async def more(number: int) -> str:
    return str(number)


@always_closed
@always_open
def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


async def promised() -> None:
    assert_type(work(7), str)
    assert_type(await more(7), str)
    assert_type(view(HttpRequest()), HttpResponse)
    with maintenance() as closed:
        assert_type(closed, maintenance)
