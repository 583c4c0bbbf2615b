"""What goes wrong with many requests, and is logged once."""

from __future__ import annotations

import logging
from time import monotonic

#: After so many seconds the same is worth a line again.
PAUSE = 60.0


class Trouble:
    """What a log says of an error, and of the same one again only after a pause. Requests that need nothing of what is broken
    go well meanwhile, so that one of them says nothing about it."""

    def __init__(self, logger: logging.Logger, said: str) -> None:
        self._logger, self._said = logger, said
        self._last, self._at = "", 0.0

    def log(self, error: BaseException) -> None:
        text, now = f"{type(error).__name__}: {error}", monotonic()
        if text == self._last and now - self._at < PAUSE:
            return
        self._last, self._at = text, now
        self._logger.error("%s: %s", self._said, text, exc_info=error)
