"""The rows in Django's admin."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from django.contrib import admin, messages
from django.http import HttpResponseRedirect

from backsoon.dropin.member import TROUBLES

from . import models, row
from .conf import live

# Those of django-maintenancemode, which are none, may lie over ours: see `original`.
if row.is_there() and hasattr(models, "Maintenance"):
    from .models import IgnoredURL, Maintenance, populate

    class IgnoredURLInline(admin.TabularInline):
        model = IgnoredURL
        extra = 3

    class MaintenanceAdmin(admin.ModelAdmin):
        inlines = [IgnoredURLInline]
        list_display = ["__str__", "is_being_performed"]
        readonly_fields = ("site",)
        actions = None

        def get_queryset(self, request: Any) -> Any:
            populate()
            return super().get_queryset(request).select_related("site")

        def get_list_display(self, request: Any) -> "Sequence[Any]":
            if not live("MAINTENANCE_STORE"):
                return super().get_list_display(request)
            says = self._store(request)

            @admin.display(boolean=True, description=Maintenance._meta.get_field("is_being_performed").verbose_name)
            def is_closed(shown: Any) -> Optional[bool]:
                return says(shown)

            return ["__str__", is_closed]

        def get_object(self, request: Any, object_id: Any, from_field: Optional[str] = None) -> Any:
            shown = super().get_object(request, object_id, from_field)
            if shown is not None and live("MAINTENANCE_STORE"):
                is_closed = self._store(request)(shown)
                shown.is_being_performed = shown.is_being_performed if is_closed is None else is_closed
            return shown

        def changeform_view(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return super().changeform_view(request, *args, **kwargs)
            except TROUBLES as error:
                if not live("MAINTENANCE_STORE"):
                    raise
                list(messages.get_messages(request))  # They say that it was saved.
                self.message_user(request, f"The store did not take it: {error}", messages.ERROR)
                return HttpResponseRedirect(request.get_full_path())

        def _store(self, request: Any) -> "Callable[[Any], Optional[bool]]":
            """What the store says of our own windows, or None if it is away. Each request asks it once."""
            from . import store

            if not hasattr(request, "_maintenance_switched"):
                try:
                    request._maintenance_switched = store.switched()
                except TROUBLES as error:
                    self.message_user(request, f"The store cannot be read: {error}", messages.ERROR)
                    request._maintenance_switched = None
            switched = request._maintenance_switched
            return lambda shown: None if switched is None else store.named(shown.site.domain).lower() in switched

        def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
            return False

        def has_add_permission(self, request: Any) -> bool:
            return False

    admin.site.register(Maintenance, MaintenanceAdmin)
