"""``manage.py maintenance on|off|status|…``: the command line over the site's own store."""

import argparse
import os
import subprocess
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backsoon.__main__ import run
from backsoon.django.conf import Conf


class Command(BaseCommand):
    help = "Closes, reopens and shows this site; `manage.py maintenance help` lists the words."
    requires_system_checks: "list[str]" = []

    def run_from_argv(self, argv: "list[str]") -> None:
        # Our words and flags, not argparse's.
        sys.exit(self.at_the_store(argv[2:], run))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", nargs=argparse.REMAINDER)

    def handle(self, *_: Any, words: "list[str]", **__: Any) -> None:
        code = self.at_the_store(words, self.captured)
        if code != 0:
            raise CommandError(f"backsoon {' '.join(words)} ended with {code}", returncode=code)

    def at_the_store(self, words: "list[str]", do: Any) -> int:
        before = os.environ.get("BACKSOON_STORE")
        os.environ["BACKSOON_STORE"] = Conf().store
        try:
            return do(words)
        finally:
            if before is None:
                del os.environ["BACKSOON_STORE"]
            else:
                os.environ["BACKSOON_STORE"] = before

    def captured(self, words: "list[str]") -> int:
        """For ``call_command``, whose callers may want the output in a file of their own."""
        ran = subprocess.run([sys.executable, "-m", "backsoon", *words], capture_output=True, text=True)
        self.stdout.write(ran.stdout, ending="")
        self.stderr.write(ran.stderr, ending="")
        return ran.returncode
