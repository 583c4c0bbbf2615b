"""A row for each site, as django-maintenancemode-2 has it. Without ``django.contrib.sites`` there is none."""

from __future__ import annotations

from functools import partial
from typing import Any, Optional

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, router, transaction
from django.db.models.signals import pre_save
from django.dispatch import receiver
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
            """Saves the row; with a store, it switches there as well, as soon as the row is committed."""
            is_new = self._state.adding
            if is_new and self.pk is None and not args:
                self._become_the_untouched_one(kwargs)
            super().save(*args, **kwargs)
            if live("MAINTENANCE_STORE") and (self.is_being_performed or not is_new):
                from . import store

                switch = partial(store.switch, self.is_being_performed, self.site.domain)
                transaction.on_commit(switch, using=self._state.db)

        def _become_the_untouched_one(self, options: "dict[str, Any]") -> None:
            """A row that only `migrate` has made is in nobody's way: this becomes that one."""
            using = options.get("using") or router.db_for_write(type(self), instance=self)
            self.pk = untouched(using, self.site_id).values_list("pk", flat=True).first()
            if self.pk is not None:
                self._state.adding = options["force_insert"] = False
                if not self.is_being_performed:
                    # Somebody may close it at this very moment.
                    options["update_fields"] = ["site"]

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

    def untouched(using: "Optional[str]", site: Any) -> Any:
        """The row of a site if it says nothing: off, and without patterns."""
        return Maintenance.objects.using(using).filter(site_id=site, is_being_performed=False, ignoredurl=None)

    @receiver(pre_save, sender=Maintenance)
    def make_room(instance: Any, raw: bool, using: str, **_: Any) -> None:
        """A row with a key of its own, as dumps of the original have them, takes the place of one that says nothing."""
        if not instance._state.adding:
            return
        if instance.pk is not None:
            untouched(using, instance.site_id).exclude(pk=instance.pk).delete()
        elif raw:
            instance.pk = untouched(using, instance.site_id).values_list("pk", flat=True).first()

    @receiver(pre_save, sender=Site)
    def follow(instance: Any, using: str, update_fields: Any = None, **_: Any) -> None:
        """A store knows a site by its domain: one that is closed stays so under another one."""
        if not live("MAINTENANCE_STORE") or "domain" not in (update_fields or ["domain"]):
            return
        before = Site.objects.using(using).filter(pk=instance.pk).values_list("domain", flat=True).first()
        if before is not None and before != instance.domain:
            from . import store

            transaction.on_commit(partial(store.move, before, instance.domain), using=using)

    def populate(using: Optional[str] = None) -> None:
        """Makes a row for each site that has none."""
        rows = Maintenance.objects.using(using)
        for site in Site.objects.using(using).filter(maintenance=None):
            try:
                rows.get_or_create(site=site)
            except IntegrityError:  # Somebody else was faster.
                pass
