"""One side of a comparison: a Django site with one maintenance package, answering what it is asked to time.

    python side.py serve M|D|O FOLDER            a side; it reads lines "SCENARIO COUNT" and writes seconds of CPU time
    python side.py prepare M|D|O|none FOLDER   makes its tables
    python side.py start M|D|O|none FOLDER     a site that starts, answers one request, and ends

The very same file runs the original package and ours, each in an environment of its own.
"""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any, Callable

from django.conf import settings

package, folder = sys.argv[-2], Path(sys.argv[-1])
MIDDLEWARE = {
    "M": "maintenance_mode.middleware",
    "D": "maintenancemode.middleware",
    "O": "maintenancemode.middleware",
}
PATTERNS = [rf"^/part{number}/\d+/$" for number in range(19)] + [r"^/pages/"]
ADDRESSES = [f"10.0.{number}.1" for number in range(49)] + ["192.0.2.7"]
STORE = f"file:{folder}/store"
urlpatterns: "list[Any]" = []


# === the site ===


def configure() -> None:
    apps = ["auth", "contenttypes", "sessions", "messages", *(["sites"] if package == "D" else [])]
    own = {"M": ["maintenance_mode"], "D": ["maintenancemode"], "O": ["maintenancemode"]}.get(package, [])
    processors = ["template.context_processors.request", "contrib.auth.context_processors.auth", "contrib.messages.context_processors.messages"]
    settings.configure(
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SITE_ID=1,
        INSTALLED_APPS=[f"django.contrib.{app}" for app in apps] + own,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / f"{package}.db"}},
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [folder],
                "OPTIONS": {"context_processors": [f"django.{name}" for name in processors]},
            }
        ],
        MAINTENANCE_MODE_STATE_FILE_PATH=str(folder / "state"),
        MAINTENANCE_LOCKFILE_PATH=str(folder / "lock"),
    )
    import django

    django.setup()
    logging.disable()


UNSET = object()
#: A page as most sites have one, and one that has something to work out.
PLAIN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Back soon</title></head>
<body><h1>Back soon</h1><p>We are working on it, and are back in a moment.</p></body></html>
"""
TAGGED = PLAIN.replace("</p>", "</p>{% if request_path %}<p>{{ request_path }}</p>{% endif %}")


def middleware(get_response: "Callable[[Any], Any]") -> Any:
    from importlib import import_module

    made = import_module(MIDDLEWARE[package]).MaintenanceModeMiddleware(get_response)
    # Django looks for it, and so tells the middleware that it will hand over views.
    getattr(made, "process_view", None)
    return made


# === what is asked ===


class Site:
    """A site whose state and settings are set for one scenario after the other."""

    def __init__(self) -> None:
        from django.http import HttpResponse
        from django.test import RequestFactory

        answer = HttpResponse("hello")
        self.door = middleware(lambda request: answer)
        self.factory = RequestFactory()
        self.before: "dict[str, Any]" = {}

    def page(self, source: str) -> None:
        from django.template import engines

        (folder / "503.html").write_text(source)
        for loader in engines["django"].engine.template_loaders:
            loader.reset()

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            self.before.setdefault(name, getattr(settings, name, UNSET))
            setattr(settings, name, value)

    def reset(self) -> None:
        self.page(PLAIN)
        for name, value in self.before.items():
            delattr(settings, name) if value is UNSET else setattr(settings, name, value)
        self.before.clear()

    def request(self, address: str = "127.0.0.1", signed_in: bool = False) -> Any:
        request = self.factory.get("/pages/x", REMOTE_ADDR=address)
        if signed_in:
            self.sign_in(request)
        return request

    def sign_in(self, request: Any) -> None:
        """What Django's own middlewares leave on a request whose cookie names a session; nothing is read yet."""
        from django.contrib.auth.middleware import get_user
        from django.contrib.sessions.backends.db import SessionStore
        from django.utils.functional import SimpleLazyObject

        request.session = SessionStore(self.session())
        request.user = SimpleLazyObject(lambda: get_user(request))

    def session(self) -> str:
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
        from django.contrib.sessions.backends.db import SessionStore

        if not hasattr(self, "_session"):
            user, _ = get_user_model().objects.get_or_create(username="visitor")
            store = SessionStore()
            store[SESSION_KEY] = str(user.pk)
            store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
            store[HASH_SESSION_KEY] = user.get_session_auth_hash()
            store.save()
            self._session = store.session_key
        return self._session

    def row(self, is_on: bool) -> None:
        """The row of the site, as another process writes it: by a connection of its own."""
        with sqlite3.connect(folder / f"{package}.db", timeout=10) as database:
            database.execute("UPDATE maintenancemode_maintenance SET is_being_performed = ?", [is_on])

    def file(self, name: str, content: "str | None") -> None:
        """In place, as another process would: the same file, within the same tick of its clock."""
        path = folder / name
        path.unlink(missing_ok=True) if content is None else path.write_text(content)

    def store(self, is_on: bool) -> None:
        from backsoon._core import Control

        Control(STORE, "bench").replace("*", "bench", "on" if is_on else None)


def is_ours() -> bool:
    try:
        import backsoon  # noqa: F401
    except ImportError:
        return False
    return True


def follow_store(site: Site, is_on: bool) -> None:
    """Ours follows the store; the original knows none, and stays with its own state."""
    if is_ours():
        site.set(**{"MAINTENANCE_MODE_STORE" if package == "M" else "MAINTENANCE_STORE": STORE})
        site.store(is_on)


#: What is set before, who asks, and the status that must come out. `same` requests are asked again and again; a signed-in
#: visitor's has to be made anew, since Django keeps the user on it, and so costs both sides the making.
SCENARIOS: "dict[str, dict[str, tuple[Callable[[Site], None], dict[str, Any], int]]]" = {
    "M": {
        "open,file": (lambda site: site.file("state", "0"), {}, 200),
        "open,setting": (lambda site: site.set(MAINTENANCE_MODE=False), {}, 200),
        "refused,file": (lambda site: site.file("state", "1"), {}, 503),
        "refused,file,tags": (lambda site: (site.file("state", "1"), site.page(TAGGED)), {}, 503),
        "refused,file,signed-in": (lambda site: site.file("state", "1"), {"signed_in": True}, 503),
        "20-patterns": (lambda site: (site.file("state", "1"), site.set(MAINTENANCE_MODE_IGNORE_URLS=PATTERNS)), {}, 200),
        "50-addresses": (
            lambda site: (site.file("state", "1"), site.set(MAINTENANCE_MODE_IGNORE_IP_ADDRESSES=ADDRESSES)),
            {"address": "192.0.2.7"},
            200,
        ),
    },
    "D": {
        "open,row": (lambda site: site.row(False), {}, 200),
        "open,store": (lambda site: (site.row(False), follow_store(site, False)), {}, 200),
        "refused,row": (lambda site: site.row(True), {}, 503),
        "refused,row,tags": (lambda site: (site.row(True), site.page(TAGGED)), {}, 503),
        "refused,row,signed-in": (lambda site: site.row(True), {"signed_in": True}, 503),
    },
    "O": {
        "open,lock": (lambda site: site.file("lock", None), {}, 200),
        "50-addresses": (lambda site: (site.file("lock", ""), site.set(INTERNAL_IPS=ADDRESSES)), {"address": "192.0.2.7"}, 200),
        "refused,lock": (lambda site: site.file("lock", ""), {}, 503),
    },
}

#: How the mode is flipped by somebody else.
FLIPS: "dict[str, dict[str, Callable[[Site, bool], None]]]" = {
    "M": {
        "file": lambda site, is_on: site.file("state", "1" if is_on else "0"),
        "setting": lambda site, is_on: site.set(MAINTENANCE_MODE=is_on),
    },
    "D": {"row": lambda site, is_on: site.row(is_on)},
    "O": {
        "lock": lambda site, is_on: site.file("lock", "" if is_on else None),
        "setting": lambda site, is_on: site.set(MAINTENANCE_MODE=is_on),
    },
}


def prepare_database() -> None:
    if package in ("M", "D"):
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
    if package == "D":
        from maintenancemode.models import Maintenance

        Maintenance.populate() if hasattr(Maintenance, "populate") else None
        from django.contrib.sites.models import Site as Row

        for row in Row.objects.all():
            Maintenance.objects.get_or_create(site=row)


# === timing ===


def timed(site: Site, name: str, count: int) -> float:
    """Seconds of CPU time for so many requests."""
    prepare, asked, status = SCENARIOS[package][name]
    site.reset()
    prepare(site)
    door = site.door
    answer = door(site.request(**asked)).status_code
    assert answer == status, f"{package} {name}: the answer is {answer}, not {status}"
    requests = [site.request(**asked) for _ in range(count if asked.get("signed_in") else 1)]
    gc.collect()
    gc.disable()
    begun = time.process_time()
    if len(requests) > 1:
        for request in requests:
            door(request)
    else:
        request = requests[0]
        for _ in range(count):
            door(request)
    taken = time.process_time() - begun
    gc.enable()
    assert door(site.request(**asked)).status_code == status
    return taken


def stale(site: Site, name: str, count: int) -> int:
    """How many answers are those of before, when the mode is flipped so many times."""
    site.reset()
    flip, wrong = FLIPS[package][name], 0
    for number in range(count):
        is_on = number % 2 == 0
        flip(site, is_on)
        wrong += (site.door(site.request()).status_code == 503) != is_on
    flip(site, False)
    return wrong


def serve() -> None:
    configure()
    prepare_database()
    site = Site()
    print("ready", flush=True)
    for line in sys.stdin:
        name, count = line.split()
        if name.startswith("stale:"):
            print(stale(site, name[len("stale:") :], int(count)), flush=True)
        else:
            print(f"{timed(site, name, int(count)):.9f}", flush=True)


def prepare() -> None:
    configure()
    prepare_database()


def start() -> None:
    configure()
    if package == "none":
        from django.http import HttpResponse
        from django.test import RequestFactory

        assert HttpResponse("hello") and RequestFactory().get("/")
        return
    site = Site()
    assert site.door(site.request()).status_code == 200


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    {"serve": serve, "prepare": prepare, "start": start}[sys.argv[1]]()
