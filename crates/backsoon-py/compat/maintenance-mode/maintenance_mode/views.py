"""The views that switch the mode, for superusers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from .core import set_maintenance_mode

HOME = "/"

#: Of no template engine's, since a site may have any.
CONFIRM = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Maintenance mode</title>
  </head>
  <body>
    <form method="post">
      <input type="hidden" name="csrfmiddlewaretoken" value="{}">
      <p>Turn the maintenance mode {}?</p>
      <button>Turn it {}</button>
    </form>
  </body>
</html>
"""


@never_cache
@csrf_protect
def maintenance_mode_on(request: Any) -> HttpResponse:
    """Closes the site."""
    return _switched(request, True)


@never_cache
@csrf_protect
def maintenance_mode_off(request: Any) -> HttpResponse:
    """Opens the site."""
    return _switched(request, False)


def _switched(request: Any, value: bool) -> HttpResponse:
    if not getattr(getattr(request, "user", None), "is_superuser", False):
        return HttpResponseRedirect(HOME)
    if request.method in ("HEAD", "OPTIONS", "TRACE") or request.method == "GET" and not is_own_navigation(request):
        name = "on" if value else "off"
        return HttpResponse(format_html(CONFIRM, get_token(request), name, name))
    set_maintenance_mode(value)
    return HttpResponseRedirect(HOME)


def is_own_navigation(request: Any) -> bool:
    """Whether a GET was asked for by the user and not by somebody else's page, as far as a browser tells."""
    headers = request.headers
    if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return False
    if headers.get("Sec-Fetch-Dest", "document") not in ("document", "empty"):
        return False  # An image or a frame in a page of this site, which a visitor may have written.
    if headers.get("Purpose") or headers.get("Sec-Purpose") or headers.get("X-Moz"):
        return False  # The browser looks ahead; nobody has clicked yet.
    return all(is_own_origin(request, headers[name]) for name in ("Origin", "Referer") if headers.get(name))


def is_own_origin(request: Any, url: str) -> bool:
    """Whether a URL is this site's. A proxy may have taken the TLS away, so HTTPS is always good enough."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.netloc == request.get_host() and parts.scheme in ("https", request.scheme)
