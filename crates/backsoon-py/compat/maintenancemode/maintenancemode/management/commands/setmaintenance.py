"""``manage.py setmaintenance on|off [site…]``: the rows, as django-maintenancemode-2 has it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router, transaction

from backsoon.dropin.command import reach
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
        try:
            # All of them, or none.
            with transaction.atomic(using=router.db_for_write(Maintenance)):
                for id in ids:
                    if id in missing:
                        self.say(options, f"unknown site {id} - skipping\n")
                    else:
                        self.switch(id, options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise CommandError(f"The store did not take it: {error}") from error

    def switch(self, id: int, options: "dict[str, Any]") -> None:
        from maintenancemode.models import Maintenance

        found, _ = Maintenance.objects.get_or_create(site_id=id)
        wanted, is_so = options["status"] == "on", found.is_being_performed
        if live("MAINTENANCE_STORE"):
            from maintenancemode import store

            is_so = store.is_switched(found.site.domain)
        if is_so == wanted:
            return self.say(options, f"Site {id} ({found.site}) already {options['status']}\n")
        found.is_being_performed = wanted
        found.save()
        self.say(options, f"Site {id} ({found.site}) is now {options['status']}\n")

    def say(self, options: "dict[str, Any]", text: str) -> None:
        if options["verbosity"] >= 1:
            self.stderr.write(text)
