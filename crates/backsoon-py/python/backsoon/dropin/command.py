"""What the commands of a package say of a store."""

from __future__ import annotations

import shlex
from typing import Any

from django.core.management.base import CommandError

from .member import control


def look(url: str) -> str:
    """What is typed to see the windows in the store at ``url``. A password is left out."""
    return f"backsoon status --store {shlex.quote(control(url).store)}"


def reach(command: Any, url: Any) -> None:
    """Refuses to be a process of its own for a store that only this process has.

    # Errors
    ``CommandError`` if nobody could follow it.
    """
    if command._called_from_command_line and str(url or "").lower() == "memory:":
        raise CommandError(
            f"`{url}` would be gone at the end of this command, and no server could follow it; name a store that stays"
        )
