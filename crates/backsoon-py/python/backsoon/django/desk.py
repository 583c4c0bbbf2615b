"""The command line in the name of somebody, with its answers caught."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple, Optional

from .conf import Conf


class Said(NamedTuple):
    """What one call has answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def ask(*words: str, by: Optional[str] = None) -> Said:
    """Runs ``backsoon`` over the site's own store; ``by`` is who the history will name."""
    environment = {**os.environ, "BACKSOON_STORE": Conf().store}
    if by is not None:
        environment.pop("SUDO_USER", None)
        environment["USER"] = by
    line = [sys.executable, "-m", "backsoon", *words]
    ran = subprocess.run(line, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return Said(ran.returncode, ran.stdout, ran.stderr)
