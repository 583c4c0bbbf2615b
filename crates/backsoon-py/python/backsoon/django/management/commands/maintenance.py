"""``manage.py maintenance on|off|status|…``: the command line over the site's own store."""

import argparse
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backsoon.__main__ import run
from backsoon.django.conf import Conf
from backsoon.django.desk import ask


class Command(BaseCommand):
    help = "Closes, reopens and shows this site; `manage.py maintenance help` lists the words."
    requires_system_checks: "list[str]" = []

    def run_from_argv(self, argv: "list[str]") -> None:
        # Our words and flags, not argparse's.
        os.environ["BACKSOON_STORE"] = Conf().store
        sys.exit(run(argv[2:]))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", nargs=argparse.REMAINDER)

    def handle(self, *_: Any, words: "list[str]", **__: Any) -> None:
        # Whoever calls from code may want the output in a file of their own.
        said = ask(*words)
        self.stdout.write(said.out, ending="")
        self.stderr.write(said.err, ending="")
        if said.code != 0:
            raise CommandError(f"backsoon {' '.join(words)} ended with {said.code}", returncode=said.code)
