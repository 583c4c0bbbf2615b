"""``manage.py maintenance on|off|status|…``: the command line over the site's own store."""

import argparse
import os
import re
import shlex
import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backsoon.__main__ import run
from backsoon.django.conf import Conf
from backsoon.django.desk import ask


#: What Django's commands take and the command line does not: those with a word behind them, and those that stand alone.
#: ``manage.py`` has read the first two by now.
FOLLOWED, ALONE = ("--settings", "--pythonpath", "--verbosity", "-v"), ("--traceback", "--force-color", "--skip-checks")

BEGINNINGS = tuple(f"{flag}=" for flag in FOLLOWED)
VERBOSITY = re.compile("-v[0-3]")


def own(words: "list[str]") -> "list[str]":
    """The words without Django's flags. What stands behind ``--`` is a command's own."""
    kept: "list[str]" = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*kept, word, *rest]
        if word in FOLLOWED:
            next(rest, None)
        elif word == "--no-color":
            os.environ["NO_COLOR"] = "1"
        elif word not in ALONE and not word.startswith(BEGINNINGS) and not VERBOSITY.fullmatch(word):
            kept.append(word)
    return kept


def typed(argv: "list[str]") -> str:
    """What comes here again: the program, our name, and where Django's settings are if that was said."""
    program = os.path.basename(argv[0])
    said = ["python -m django" if program == "__main__.py" else program, argv[1]]
    rest = iter(argv[2:])
    for word in rest:
        if word == "--":
            break
        flag, is_whole, value = word.partition("=")
        if flag in ("--settings", "--pythonpath"):
            said.append(f"{flag}={shlex.quote(value if is_whole else next(rest, ''))}")
    return " ".join(said)


class Command(BaseCommand):
    help = "Closes, reopens and shows this site; `manage.py maintenance help` lists the words."
    requires_system_checks: "list[str]" = []

    def run_from_argv(self, argv: "list[str]") -> None:
        # Our words and flags, not argparse's.
        try:
            os.environ["BACKSOON_STORE"] = Conf().store
        except ImproperlyConfigured as error:
            self.stderr.write(f"CommandError: {error}")
            sys.exit(2)
        sys.exit(run(own(argv[2:]), typed(argv)))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", nargs=argparse.REMAINDER)

    def handle(self, *_: Any, words: "list[str]", **__: Any) -> None:
        # Whoever calls from code may want the output in a file of their own.
        try:
            said = ask(*words)
        except ImproperlyConfigured as error:
            raise CommandError(f"{error}", returncode=2) from error
        self.stdout.write(said.out, ending="")
        self.stderr.write(said.err, ending="")
        if said.code != 0:
            raise CommandError(f"backsoon {' '.join(words)} ended with {said.code}", returncode=said.code)
