"""For ASGI servers that tell an application when they begin and end (the lifespan protocol of ASGI)."""

from __future__ import annotations

from asyncio import to_thread
from typing import Any

from .instance import members


class Lifespan:
    """Joins the fleet when the server starts, and says farewell when it ends.

    A server that is ended by a signal, as uvicorn ends itself, runs nothing else at its end: without this a worker of
    another machine is *lost* when it has gone, and blocks receipts until it is forgotten.

    >>> application = Lifespan(get_asgi_application())
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            return await self.application(scope, receive, send)
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                for member in members():
                    await to_thread(member.join)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                for member in members():
                    await to_thread(member.leave)
                return await send({"type": "lifespan.shutdown.complete"})
