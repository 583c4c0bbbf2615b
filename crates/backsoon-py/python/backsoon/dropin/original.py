"""An original beside the distribution that takes its place: both bring the same module, so files of one lie over the other's.

Nothing in here is of that module, since what is left of it may be the original's.
"""

from __future__ import annotations

from importlib import metadata
from typing import Iterable

from django.core.checks import CheckMessage, Error

SAID = "{} is still installed, in the place of the same module."
#: To uninstall it takes files of both away, and pip would say that ours are all there.
HINT = "pip uninstall {}, and then pip install --force-reinstall --no-deps {}"


def beside(originals: "Iterable[str]") -> "list[str]":
    """Those of the distributions that are installed."""
    return [name for name in originals if _is_there(name)]


def errors(originals: "Iterable[str]", ours: str, id: str) -> "list[CheckMessage]":
    """What a system check says of them."""
    return [Error(SAID.format(name), hint=HINT.format(name, ours), id=id) for name in beside(originals)]


def _is_there(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
