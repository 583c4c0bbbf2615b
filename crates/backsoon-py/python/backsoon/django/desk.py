"""The command line in the name of somebody, with its answers caught."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple, Optional

from backsoon.__main__ import TYPED

from .conf import Conf

#: What acts on the site's own store.
COMMAND = "manage.py maintenance"


class Said(NamedTuple):
    """What one call has answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def interpreter() -> str:
    """Python itself. A server that embeds it, as uWSGI does, is what ``sys.executable`` may name."""
    place = os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin")
    names = ("python%d.%d" % sys.version_info[:2], "python3", "python", "python.exe")
    own = (found for name in names if os.access(found := os.path.join(place, name), os.X_OK))
    return next(own, sys.executable)


def ask(*words: str, by: Optional[str] = None, within: Optional[float] = None) -> Said:
    """Runs ``backsoon`` over the site's own store; ``by`` is who the history will name.

    Whoever cannot wait for ever says ``within`` how many seconds an answer is wanted.
    """
    environment = {**os.environ, "BACKSOON_STORE": Conf().store, TYPED: COMMAND}
    if by is not None:
        environment.pop("SUDO_USER", None)
        environment["USER"] = by
    line = [interpreter(), "-m", "backsoon", *words]
    try:
        ran = subprocess.run(
            line, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=within
        )
    except subprocess.TimeoutExpired:
        trouble = f"no answer within {within:g} s, so nobody knows what was done; ask the store: {COMMAND} status"
        return Said(1, "", f"error: {trouble}")
    except OSError as error:
        return Said(1, "", f"error: Python could not be started as {line[0]!r}: {error}")
    return Said(ran.returncode, ran.stdout, ran.stderr)
