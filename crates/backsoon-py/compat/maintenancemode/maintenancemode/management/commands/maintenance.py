"""``manage.py maintenance on|off``: the lock file, as django-maintenancemode has it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backsoon.dropin.command import look, reach
from maintenancemode import utils as maintenance
from maintenancemode.conf import live


class Command(BaseCommand):
    help = "closes the site, or opens it: manage.py maintenance <on|off>"
    opts = ("on", "off", "activate", "deactivate")

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("command", nargs="?", help="|".join(self.opts))

    def handle(self, *args: Any, **options: Any) -> None:
        store = live("MAINTENANCE_STORE")
        reach(self, store)
        word = str(options.get("command") or "").lower()
        if word not in self.opts:
            raise CommandError(f"Allowed commands are: {'|'.join(self.opts)}")
        is_on = word in ("on", "activate")
        try:
            (maintenance.activate if is_on else maintenance.deactivate)()
            is_closed = maintenance.status()
        except (OSError, RuntimeError, ValueError) as error:
            raise CommandError(f"The site could not be {'closed' if is_on else 'opened'}: {error}") from error
        if int(options.get("verbosity", 1)) > 0:
            self.stdout.write(f"Maintenance mode was {'activated' if is_on else 'deactivated'} succesfully")
        if is_closed and not is_on:
            by_setting = live("MAINTENANCE_MODE") or not store
            by = "settings.MAINTENANCE_MODE" if by_setting else f"windows of others: see `{look(store)}`"
            self.stderr.write(f"The site stays closed by {by}.")
