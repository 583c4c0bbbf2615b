"""``manage.py setmaintenance on|off [site…]``: the rows, as django-maintenancemode-2 has it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router, transaction

from backsoon.dropin.command import reach
from backsoon.dropin.member import TROUBLES
from maintenancemode import row
from maintenancemode.conf import live


class Command(BaseCommand):
    help = "Set maintenance-mode on or off for <site_id>. If no site_id given, will use settings.SITE_ID"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("status", choices=("on", "off"), help="<status> (on/off)")
        parser.add_argument("args", nargs="*", type=int, help="<site_id>*")
        parser.add_argument(
            "-i", "--ignore-missing", action="store_true", help="ignore any inexistant site_id (default False)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        reach(self, live("MAINTENANCE_STORE"))
        if not row.is_there():
            raise CommandError("This site has no rows: add django.contrib.sites and maintenancemode to INSTALLED_APPS.")
        from django.contrib.sites.models import Site

        from maintenancemode.models import Maintenance

        default = getattr(settings, "SITE_ID", None)
        ids = args or ((default,) if default else ())
        if not ids:
            raise CommandError("Say which site: there is no settings.SITE_ID.")
        missing = set(ids) - set(Site.objects.values_list("id", flat=True))
        if missing and not options["ignore_missing"]:
            raise CommandError(f"Unknown site ids: {' '.join(map(str, missing))}")
        self.told: "list[str]" = []
        try:
            self.switched = self.switched_in_store()
            # All of them, or none.
            with transaction.atomic(using=router.db_for_write(Maintenance)):
                for id in ids:
                    if id in missing:
                        self.told.append(f"unknown site {id} - skipping\n")
                    else:
                        self.switch(id, options["status"])
        except TROUBLES as error:
            raise CommandError(f"The store did not take it: {error}") from error
        if options["verbosity"] >= 1:
            for text in self.told:
                self.stderr.write(text)

    def switched_in_store(self) -> "set[str]":
        """The domains that the store closes by windows of ours."""
        if not live("MAINTENANCE_STORE"):
            return set()
        from maintenancemode import store

        return store.switched()

    def switch(self, id: int, status: str) -> None:
        from maintenancemode.models import Maintenance

        found, _ = Maintenance.objects.get_or_create(site_id=id)
        wanted, is_so = status == "on", found.is_being_performed
        if live("MAINTENANCE_STORE"):
            from maintenancemode import store

            domain = store.named(found.site.domain).lower()
            is_so = domain in self.switched
            # The windows come when the rows are committed.
            (self.switched.add if wanted else self.switched.discard)(domain)
        if is_so != wanted or found.is_being_performed != wanted:
            found.is_being_performed = wanted
            found.save()
        word = "already" if is_so == wanted else "is now"
        self.told.append(f"Site {id} ({found.site}) {word} {status}\n")
