"""The rows in Django's admin."""

from __future__ import annotations

from typing import Any, Optional, Sequence

from django.contrib import admin

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
            return ["__str__", "is_closed"] if live("MAINTENANCE_STORE") else super().get_list_display(request)

        @admin.display(boolean=True, description=Maintenance._meta.get_field("is_being_performed").verbose_name)
        def is_closed(self, shown: Any) -> bool:
            """What the store says of our own window."""
            from . import store

            return store.is_switched(shown.site.domain)

        def get_object(self, request: Any, object_id: Any, from_field: Optional[str] = None) -> Any:
            shown = super().get_object(request, object_id, from_field)
            if shown is not None and live("MAINTENANCE_STORE"):
                shown.is_being_performed = self.is_closed(shown)
            return shown

        def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
            return False

        def has_add_permission(self, request: Any) -> bool:
            return False

    admin.site.register(Maintenance, MaintenanceAdmin)
