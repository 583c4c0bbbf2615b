"""The state file."""

import os
import stat
import tempfile

from backsoon._core import content as content_of


def read_file(filepath: str, default_content: str = "") -> str:
    """The content of a file; of one that is missing or empty, the default. Reading never writes."""
    found = content_of(filepath)
    return found.decode() if found else default_content


def write_file(filepath: str, content: str) -> None:
    """Replaces a file in one step, so that nobody reads half of it."""
    folder = os.path.dirname(os.path.abspath(filepath))
    os.makedirs(folder, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".maintenance_mode-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Before it has its name: other users must never find a file that they cannot read.
        set_file_permissions(draft)
        os.replace(draft, filepath)
    except BaseException:
        os.unlink(draft)
        raise


def set_file_permissions(filepath: str) -> None:
    """Gives a file the permissions of its folder, so that whoever serves the site can read what a command wrote."""
    folder = os.path.dirname(os.path.abspath(filepath))
    os.chmod(filepath, stat.S_IMODE(os.stat(folder).st_mode) & 0o777)
