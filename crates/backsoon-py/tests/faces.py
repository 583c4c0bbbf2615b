"""Sends requests through Django's own handlers, as servers do."""

import asyncio
import io
from collections import namedtuple
from urllib.parse import unquote_to_bytes

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

Answer = namedtuple("Answer", "status headers body")


def environ(method="GET", path="/", host="shop.example.com", peer="192.0.2.1", headers=(), script_name=""):
    """The environment that gunicorn makes of a request."""
    bare, _, query = path.partition("?")
    made = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": script_name,
        "PATH_INFO": unquote_to_bytes(bare).decode("latin-1")[len(script_name) :],
        "QUERY_STRING": query,
        "RAW_URI": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": host,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    if peer is not None:
        made["REMOTE_ADDR"] = peer
    for name, value in headers:
        key = name.upper().replace("-", "_")
        # The two that PEP 3333 keeps without a prefix.
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key
        made[key] = f"{made[key]},{value}" if key in made else value
    return made


def wsgi(handler=None, **request):
    """Through WSGI; the response is closed as servers close it."""
    seen = {}

    def start_response(status, headers, exc_info=None):
        seen.update(status=int(status.split()[0]), headers=headers)

    response = (handler or WSGIHandler())(environ(**request), start_response)
    try:
        body = b"".join(response)
    finally:
        response.close()
    return Answer(seen["status"], [(name.lower(), value) for name, value in seen["headers"]], body)


def asgi(handler=None, **request):
    """Through ASGI, in an event loop of its own."""
    return asyncio.run(asgi_within(handler or ASGIHandler(), **request))


async def asgi_within(
    handler, method="GET", path="/", host="shop.example.com", peer="192.0.2.1", headers=(), gone=None
):
    bare, _, query = path.partition("?")
    fields = [(b"host", host.encode())]
    fields += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    scope = {
        "type": "http",
        "method": method,
        "path": unquote_to_bytes(bare).decode("utf-8", "replace"),
        "raw_path": bare.encode("latin-1"),
        "query_string": query.encode(),
        "headers": fields,
        "client": (peer, 1) if peer else None,
    }
    sent, waiting = [], asyncio.Event()

    async def receive():
        if not waiting.is_set():
            waiting.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await handler(scope, receive, send)
    if not sent:
        return None  # The visitor had gone.
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    return Answer(sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]))
