"""``python -m backsoon``: the command line."""

import os
import signal
import sys
from typing import Optional

from ._core import command

#: In the environment: what was typed to come here, for the commands that are shown.
TYPED = "BACKSOON_TYPED"


def run(arguments: "list[str]", typed: Optional[str] = None) -> int:
    """Runs ``backsoon`` with ``arguments`` and returns its exit code. ``typed`` is what an operator types in its place."""
    sys.stdout.flush()
    sys.stderr.flush()
    # Python only takes note of an interrupt; a program of its own would end.
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # Not in the main thread, which is the one that is interrupted.
        return command(["backsoon", *arguments], typed)
    try:
        return command(["backsoon", *arguments], typed)
    finally:
        signal.signal(signal.SIGINT, before)


def main() -> int:
    # Not for the commands that `run` and `guard` start.
    return run(sys.argv[1:], os.environ.pop(TYPED, None))


if __name__ == "__main__":
    sys.exit(main())
