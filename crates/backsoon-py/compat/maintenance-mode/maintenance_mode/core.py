"""The mode: reading it, setting it, and changing it for a while."""

from __future__ import annotations

import logging
from contextlib import ContextDecorator
from datetime import datetime
from typing import Any, Optional, Union

from django.conf import settings  # noqa: F401  (a name that tests of sites reach for)
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from . import backends, overrides
from .backends import AbstractStateBackend
from .live import live
from .utils import get_now_datetime, parse_aware_datetime

logger = logging.getLogger(__name__)

STORE_BACKEND = "maintenance_mode.store.StoreBackend"
LOCAL_BACKEND = "maintenance_mode.backends.LocalFileBackend"

#: The state that was read last, and where.
_last: "tuple[Any, ...]" = ()
#: The trouble that was logged last, so that it is not logged with every request.
_trouble = ""


def get_maintenance_mode_backend() -> AbstractStateBackend:
    """A backend as the settings name it now."""
    path = STORE_BACKEND if live("MAINTENANCE_MODE_STORE") else live("MAINTENANCE_MODE_STATE_BACKEND")
    if path == LOCAL_BACKEND:
        # The default, read with every request.
        return backends.LocalFileBackend()
    try:
        backend_class = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured("backend not found, check 'settings.MAINTENANCE_MODE_STATE_BACKEND' path.") from error
    if not issubclass(backend_class, AbstractStateBackend) or backend_class is AbstractStateBackend:
        raise ImproperlyConfigured(
            "backend doesn't extend 'maintenance_mode.backends.AbstractStateBackend' class."
        )
    return backend_class()


def get_maintenance_mode() -> Any:
    """Whether the mode is on: what the setting says, or else the backend's state at this moment."""
    global _last
    mode = live("MAINTENANCE_MODE")
    if mode is not None:
        return mode
    if live("MAINTENANCE_MODE_STORE"):
        return import_string("maintenance_mode.store.is_closed")()
    value = get_maintenance_mode_backend().get_value()
    mode = _get_maintenance_mode_by_schedule(value) if isinstance(value, dict) else value
    _last = (live("MAINTENANCE_MODE_STATE_BACKEND"), live("MAINTENANCE_MODE_STATE_FILE_PATH"), value)
    return mode


def get_known_maintenance_mode(request: Any = None) -> Any:
    """The same for a request: a state that cannot be read leaves the last one that could be in force.

    A store may have closed one host of many; without a request it is asked for all of them.
    """
    global _last, _trouble
    mode = live("MAINTENANCE_MODE")
    if mode is not None:
        return mode
    if live("MAINTENANCE_MODE_STORE"):
        return import_string("maintenance_mode.store.is_closed_here")(request)
    try:
        path = live("MAINTENANCE_MODE_STATE_BACKEND")
        if path != LOCAL_BACKEND:
            return get_maintenance_mode()
        # What nearly every site asks with every request goes the shortest way.
        value = backends.LocalFileBackend().get_value()
        mode = _get_maintenance_mode_by_schedule(value) if isinstance(value, dict) else value
        _last = (path, live("MAINTENANCE_MODE_STATE_FILE_PATH"), value)
        return mode
    except ImproperlyConfigured:
        raise
    except Exception as error:
        # A backend that the settings name wrongly stays an error.
        get_maintenance_mode_backend()
        if isinstance(error, NotImplementedError):
            raise
        trouble = f"{type(error).__name__}: {error}"
        if trouble != _trouble:
            _trouble = trouble
            logger.error("the state of the maintenance mode cannot be read, so the last known one stays: %s", trouble)
    place = (live("MAINTENANCE_MODE_STATE_BACKEND"), live("MAINTENANCE_MODE_STATE_FILE_PATH"))
    if _last and _last[:-1] == place:
        value = _last[-1]
        return _get_maintenance_mode_by_schedule(value) if isinstance(value, dict) else value
    return live("MAINTENANCE_MODE_STATE_BACKEND_FALLBACK_VALUE")


def _get_maintenance_mode_by_schedule(state: "dict[str, Any]") -> bool:
    now = get_now_datetime()
    start, end = parse_aware_datetime(state.get("start")), parse_aware_datetime(state.get("end"))
    return (start is None or start <= now) and not (end is not None and end <= now)


def set_maintenance_mode(
    value: bool, start: Union[datetime, str, None] = None, end: Union[datetime, str, None] = None
) -> None:
    """Switches the mode, from ``start`` on and until ``end`` if they are given."""
    if live("MAINTENANCE_MODE") is not None:
        raise ImproperlyConfigured("Maintenance mode cannot be set dynamically if defined in settings.")
    if not isinstance(value, bool):
        raise TypeError("value argument type is not boolean")
    if not value and (start is not None or end is not None):
        raise ValueError("start / end arguments can only be used with value True")
    begins, ends = parse_aware_datetime(start), parse_aware_datetime(end)
    if begins is not None and ends is not None and begins >= ends:
        raise ValueError("start argument value must be < end argument value")
    if ends is not None and ends <= get_now_datetime():
        raise ValueError("end argument value must be in the future")
    state: Any = value
    if begins is not None or ends is not None:
        moment = lambda at: None if at is None else at.isoformat()  # noqa: E731
        state = {"start": moment(begins), "end": moment(ends)}
    overrides.outlast(get_maintenance_mode_backend(), state)


class override_maintenance_mode(ContextDecorator):
    """Sets the mode while a block or a function runs. Each one ends only what it set itself."""

    def __init__(self, value: bool) -> None:
        self.value = value
        self.old_value: Any = None
        self._running: "list[overrides.Override]" = []

    def __enter__(self) -> None:
        if live("MAINTENANCE_MODE") is not None:
            raise ImproperlyConfigured("Maintenance mode cannot be set dynamically if defined in settings.")
        running = overrides.begin(get_maintenance_mode_backend(), self.value)
        self.old_value = running.before
        # A stack, since one decorated function may run several times at once.
        self._running.append(running)

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        overrides.end(get_maintenance_mode_backend(), self._running.pop())


class maintenance_mode_on(override_maintenance_mode):
    """Closes the site while a block or a function runs."""

    def __init__(self) -> None:
        super().__init__(True)


class maintenance_mode_off(override_maintenance_mode):
    """Opens the site while a block or a function runs."""

    def __init__(self) -> None:
        super().__init__(False)
