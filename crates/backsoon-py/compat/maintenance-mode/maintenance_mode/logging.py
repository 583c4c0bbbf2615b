"""A filter for logs. It needs no app registry, so that LOGGING can name it."""

import logging
from typing import Any


def get_maintenance_mode() -> Any:
    """That of ``core``, under the name that the original has here: tests of a site may put something in its place."""
    from .core import get_maintenance_mode as mode

    return mode()


_mode = get_maintenance_mode


class RequireNotMaintenanceMode503(logging.Filter):
    """Drops the records of status 503 while the mode is on."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", None) != 503:
            return True
        if get_maintenance_mode is not _mode:
            return not get_maintenance_mode()
        # Only now: the backends want settings that are ready.
        from .core import get_known_maintenance_mode

        return not get_known_maintenance_mode(getattr(record, "request", None))
