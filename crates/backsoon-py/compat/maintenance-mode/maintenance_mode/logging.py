"""A filter for logs. It needs no app registry, so that LOGGING can name it."""

import logging


class RequireNotMaintenanceMode503(logging.Filter):
    """Drops the records of status 503 while the mode is on."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", None) != 503:
            return True
        # Only now: the backends want settings that are ready.
        from .core import get_known_maintenance_mode

        return not get_known_maintenance_mode(getattr(record, "request", None))
