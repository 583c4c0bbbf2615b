"""``python -m backsoon``: the command line."""

import signal
import sys

from ._core import command


def run(arguments: "list[str]") -> int:
    """Runs ``backsoon`` with ``arguments`` and returns its exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    # Python only takes note of an interrupt; a program of its own would end.
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    except ValueError:  # Not in the main thread, which is the one that is interrupted.
        return command(["backsoon", *arguments])
    try:
        return command(["backsoon", *arguments])
    finally:
        signal.signal(signal.SIGINT, before)


def main() -> int:
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
