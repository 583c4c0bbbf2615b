"""What a template asks for."""

from django.db import OperationalError
from django.utils.asyncio import async_unsafe


@async_unsafe
def from_a_thread(request):
    return {"said": "from a thread"}


def from_nowhere(request):
    raise OperationalError("the server has gone away")
