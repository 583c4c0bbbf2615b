"""A row for each site, as django-maintenancemode-2 has it. Without ``django.contrib.sites`` there is none."""

from __future__ import annotations

from typing import Any, Optional

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.utils.translation import gettext_lazy as _

from backsoon.dropin.exceptions import broken

from . import row
from .conf import live

if row.is_there():
    from django.contrib.sites.models import Site

    class Maintenance(models.Model):
        site = models.OneToOneField(Site, on_delete=models.CASCADE)
        is_being_performed = models.BooleanField(_("In Maintenance Mode"), default=False)

        class Meta:
            verbose_name = verbose_name_plural = _("Maintenance Mode")

        def __str__(self) -> str:
            return self.site.domain

        def save(self, *args: Any, **kwargs: Any) -> None:
            """Saves the row; with a store, it switches there as well."""
            is_new = self._state.adding
            super().save(*args, **kwargs)
            if live("MAINTENANCE_STORE") and (self.is_being_performed or not is_new):
                from . import store

                store.switch(self.is_being_performed, self.site.domain)

        def ignored_url_patterns(self) -> "list[str]":
            return list(self.ignoredurl_set.values_list("pattern", flat=True))

    class IgnoredURL(models.Model):
        maintenance = models.ForeignKey(Maintenance, on_delete=models.CASCADE)
        pattern = models.CharField(max_length=255)
        description = models.CharField(max_length=75, help_text=_("What this URL pattern covers."))

        def __str__(self) -> str:
            return self.pattern

        def clean(self) -> None:
            """Refuses what opens nothing."""
            why = broken(self.pattern)
            if why is not None:
                raise ValidationError({"pattern": f"This does not compile: {why}."})
            if self.pattern.removeprefix("^").startswith("/"):
                raise ValidationError({"pattern": "This never matches: patterns see the path without its leading slash."})

    def populate(using: Optional[str] = None) -> None:
        """Makes a row for each site that has none."""
        rows = Maintenance.objects.using(using)
        for site in Site.objects.using(using).filter(maintenance=None):
            try:
                rows.get_or_create(site=site)
            except IntegrityError:  # Somebody else was faster.
                pass
