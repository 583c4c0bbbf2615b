"""The blocks of code in this process that have the mode set for as long as they run.

The state has room for one value. So the first block keeps what there was before, and every block that ends leaves the value
of the youngest that still runs, or at last what there was before. If somebody else has set the state meanwhile (an operator,
another process), then that is what there is, and no block takes it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import Any

from .backends import AbstractStateBackend

_lock = RLock()
_running: "list[Override]" = []
#: What there was before the oldest of them, and what the last of them has written.
_before: Any = None
_written: Any = None


@dataclass(eq=False)
class Override:
    """One block that runs."""

    value: Any
    before: Any


def begin(backend: AbstractStateBackend, value: Any) -> Override:
    global _before, _written
    with _lock:
        now = backend.get_value()
        if not _running or now != _written:
            _before = now
        override = Override(value, now)
        backend.set_value(value)
        _running.append(override)
        _written = value
        return override


def end(backend: AbstractStateBackend, override: Override) -> None:
    global _written
    with _lock:
        _running.remove(override)
        if backend.get_value() != _written:
            return
        _written = _running[-1].value if _running else _before
        backend.set_value(_written)


def outlast(backend: AbstractStateBackend, value: Any) -> None:
    """Sets a value that stays when the blocks end, even if it is the one that they have set."""
    global _written
    with _lock:
        backend.set_value(value)
        _written = object()
