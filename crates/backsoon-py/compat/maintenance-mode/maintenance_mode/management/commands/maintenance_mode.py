"""``manage.py maintenance_mode on|off``."""

from __future__ import annotations

from typing import Any, Optional

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backsoon.dropin.command import look, reach
from maintenance_mode import core

ON, OFF = ("on", "yes", "true", "1"), ("off", "no", "false", "0")

#: What the state is called when it cannot be read.
UNKNOWN = object()


class Command(BaseCommand):
    help = "switches the maintenance mode: manage.py maintenance_mode <on|off>"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("state", help="on or off")
        parser.add_argument("--interactive", action="store_true", help="asks before anything is changed")
        parser.add_argument("--start", help="when the mode begins; with 'on' only")
        parser.add_argument("--end", help="when the mode ends; with 'on' only")

    def handle(self, *args: Any, **options: Any) -> None:
        store = settings.MAINTENANCE_MODE_STORE
        reach(self, store)
        word = str(options["state"]).lower()
        if word not in ON + OFF:
            raise CommandError(f"Invalid argument: {options['state']!r} expected <on|off>")
        value, start, end = word in ON, options.get("start"), options.get("end")
        if not value and (start is not None or end is not None):
            raise CommandError("--start / --end options can only be used with 'on' state")
        self.unreadable: Optional[Exception] = None
        before = self.get_maintenance_mode()
        stored = self.get_state()
        is_scheduled = isinstance(stored, dict)
        name = "on" if value else "off"
        is_so = before is not UNKNOWN and bool(before) == value and not is_scheduled and start is None and end is None
        if is_so:
            return self.say(options, f"maintenance mode is already {name}")
        self.set_maintenance_mode_with_confirm(
            value, f"maintenance mode {name}? (y/N) ", options.get("interactive", False), start=start, end=end
        )
        if not value and store and core.get_maintenance_mode():
            self.stderr.write(f"The site stays closed by windows of others: see `{look(store)}`.")
        after, stored = self.get_maintenance_mode(), self.get_state()
        schedule = f" (scheduled: {stored})" if isinstance(stored, dict) else ""
        self.say(options, f"maintenance mode: {'on' if after else 'off'}{schedule}")

    def say(self, options: "dict[str, Any]", text: str) -> None:
        if options.get("verbosity", 1) == 3:
            self.stdout.write(text)

    def get_maintenance_mode(self) -> Any:
        """The mode, or that it cannot be read: a state that is damaged must not keep anybody from repairing it."""
        try:
            return core.get_maintenance_mode()
        except (OSError, TypeError, ValueError) as error:
            self.unreadable = error
            return UNKNOWN

    def get_state(self) -> Any:
        """What is stored, schedules as they were written."""
        if settings.MAINTENANCE_MODE is not None:
            return settings.MAINTENANCE_MODE
        try:
            return core.get_maintenance_mode_backend().get_value()
        except (OSError, TypeError, ValueError):
            return UNKNOWN

    def set_maintenance_mode(self, value: bool, start: Any = None, end: Any = None) -> None:
        try:
            core.set_maintenance_mode(value, start=start, end=end)
        except OSError as error:
            if settings.MAINTENANCE_MODE_STORE:
                # There is no file.
                raise CommandError(f"The store did not take it: {error}") from error
            verb = "read" if isinstance(self.unreadable, OSError) else "write"
            name = settings.MAINTENANCE_MODE_STATE_FILE_NAME
            raise CommandError(f"Unable to {verb} state file at: {name}") from error
        except (ImproperlyConfigured, TypeError, ValueError) as error:
            raise CommandError(f"{error}") from error

    def set_maintenance_mode_with_confirm(
        self, value: bool, confirm_message: str, interactive: bool, start: Any = None, end: Any = None
    ) -> None:
        if interactive and not self.confirm(confirm_message):
            return
        self.set_maintenance_mode(value, start=start, end=end)

    def confirm(self, message: str) -> bool:
        return input(message).lower().startswith("y")
