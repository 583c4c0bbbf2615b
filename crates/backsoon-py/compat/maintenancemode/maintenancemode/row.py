"""The row of a site: one lean query with each request, through Django's own connection.

A database that is down leaves what was known last; what nobody has known is open, and logged. No table is no row.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple, Optional

from django.apps import apps
from django.conf import settings
from django.db import Error, connections, router

logger = logging.getLogger(__name__)


class Row(NamedTuple):
    """What is known of a site. The patterns are only asked for while it is closed."""

    site: Any
    is_closed: bool
    patterns: "tuple[str, ...]"


OPEN = Row(None, False, ())

_last: "dict[Any, Row]" = {}
_said: "dict[tuple[str, bool], str]" = {}
#: The trouble that was logged last, so that it is not logged with every request.
_trouble = ""


def is_there() -> bool:
    """Whether this site has the models: they need ``django.contrib.sites``."""
    return "maintenancemode" in apps.app_configs and "sites" in apps.app_configs


def read(request: Any) -> Row:
    """The row of the request's site, with its patterns if it is closed."""
    return _read(request, False)


def patterns(request: Any) -> "tuple[str, ...]":
    """The patterns of the request's site, closed or not."""
    return _read(request, True).patterns


def _read(request: Any, with_patterns: bool) -> Row:
    from .models import Maintenance

    alias = router.db_for_read(Maintenance)
    site = getattr(settings, "SITE_ID", None)
    try:
        site = site or site_of(request)
        if site is None:
            return OPEN
        with connections[alias].cursor() as cursor:
            cursor.execute(_query(alias, with_patterns), (True, site))
            rows = cursor.fetchall()
    except Error as error:
        # A database that could not be reached is not asked again.
        if connections[alias].connection is not None and has_tables(alias) is False:
            _log("there are no tables of maintenancemode, so no row closes this site: manage.py migrate makes them")
            return OPEN
        _log(f"the row of the site cannot be read, so the last known one stays: {error}")
        return _last.get((alias, site), OPEN)
    _log("")
    found = Row(site, bool(rows and rows[0][0]), tuple(row[1] for row in rows if row[1] is not None))
    _last[alias, site] = found
    return found


def _log(trouble: str) -> None:
    """Says it once, until there is another one or none."""
    global _trouble
    if trouble and trouble != _trouble:
        logger.error(trouble)
    _trouble = trouble


def site_of(request: Any) -> Any:
    """The site by the host that was asked for, where no ``SITE_ID`` says which one it is.

    # Errors
    ``DisallowedHost``, which Django answers with 400.
    """
    from django.contrib.sites.models import Site

    try:
        return Site.objects.get_current(request).pk
    except Site.DoesNotExist:
        return None


def has_tables(alias: str) -> Optional[bool]:
    """Whether the tables are there, or None if nobody can say."""
    from .models import IgnoredURL, Maintenance

    try:
        names = set(connections[alias].introspection.table_names())
    except Error:
        return None
    return {Maintenance._meta.db_table, IgnoredURL._meta.db_table} <= names


def _query(alias: str, with_patterns: bool) -> str:
    known = _said.get((alias, with_patterns))
    if known is None:
        from .models import IgnoredURL, Maintenance

        name = connections[alias].ops.quote_name
        row, url = name(Maintenance._meta.db_table), name(IgnoredURL._meta.db_table)
        closed, site, key = (name(f"{n}") for n in ("is_being_performed", "site_id", "id"))
        # Said either way, so that both have the same parameters.
        which = f"({row}.{closed} = %s OR 1 = 1)" if with_patterns else f"{row}.{closed} = %s"
        known = _said[alias, with_patterns] = (
            f"SELECT {row}.{closed}, {url}.{name('pattern')} FROM {row} LEFT JOIN {url}"
            f" ON {url}.{name('maintenance_id')} = {row}.{key} AND {which} WHERE {row}.{site} = %s"
        )
    return known
