"""The switch in the Django admin: one page, with a permission of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator

from . import marks
from .desk import ask
from .models import Switch

# Whoever closes the site has to get in again to reopen it. The first page is where the sign-in leads to.
marks.open_by_name("admin:login")
marks.open_by_name("admin:index")

#: For how many seconds a page may wait. To press a button waits five seconds for the servers, and a store may be slow.
PATIENCE = 30.0

MODES = {"on": (), "read-only": ("--read-only",), "hold": ("--hold",)}


@admin.register(Switch)
class SwitchAdmin(admin.ModelAdmin):
    """There are no rows: the list of changes is the page."""

    def get_urls(self) -> "list[Any]":
        # The others would look for a table.
        return [page for page in super().get_urls() if (page.name or "").endswith("_changelist")]

    def allowed(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return user.is_active and user.has_perm("backsoon.use_switch")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allowed(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allowed(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @method_decorator(marks.always_open)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.allowed(request):
            raise PermissionDenied
        if request.method == "POST":
            self.press(request)
            return HttpResponseRedirect(request.get_full_path())
        status = ask("status", "--json", within=PATIENCE)
        known = status.code in (0, 10)
        page = {
            **self.admin_site.each_context(request),
            "title": Switch._meta.verbose_name_plural,
            "opts": self.opts,
            "status": status.json if known else None,
            "trouble": "" if known else status.err,
            "modes": MODES,
        }
        return TemplateResponse(request, "backsoon/switch.html", page)

    def press(self, request: HttpRequest) -> None:
        """Does what a button says; Django's admin has checked the CSRF token."""
        given = request.POST
        site = given.get("site", "").strip() or "*"
        if given.get("do") == "close" and given.get("mode") in MODES:
            words = ["on", *MODES[given["mode"]], f"--site={site}", "--new-site", "--wait=5s"]
            words += [f"--{name}={given[name].strip()}" for name in ("message", "for") if given.get(name, "").strip()]
        elif given.get("do") == "reopen":
            words = ["off", f"--site={site}", "--wait=5s"]
        elif given.get("do") == "end":
            words = ["off", f"--window={given.get('window', '')}", "--wait=5s"]
        else:
            return messages.error(request, "This form is not one of ours.")
        # Whoever presses the button is not one of those that the site waits for.
        if (permit := getattr(request, "_backsoon_permit", None)) is not None:
            permit.release()
        said = ask(*words, by=request.user.get_username(), within=PATIENCE)
        level = {0: messages.SUCCESS, 3: messages.WARNING}.get(said.code, messages.ERROR)
        messages.add_message(request, level, (said.out + said.err).strip())
