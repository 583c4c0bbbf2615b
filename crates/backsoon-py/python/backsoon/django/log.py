"""A filter for logs. It needs no app registry, so that LOGGING can name it."""

import logging


class NotRefusedByBacksoon(logging.Filter):
    """Drops the records of requests that Backsoon refused, and no others: a 503 of the application stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(getattr(record, "request", None), "_backsoon_refused", False)
