"""For the tests of the drop-ins: docs/django-parity.md is true."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "django-parity.md"


class Section:
    """The part of the page about the package that has this letter."""

    def __init__(self, letter, tests):
        self.letter = letter
        self.text = PAGE.read_text(encoding="utf-8").split(f"\n## {letter}: ")[1].split("\n## ")[0]
        found = ((file, re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.M)) for file in tests.glob("test_*.py"))
        self.tests = {f"{file.name}::{name}" for file, names in found for name in names}

    @property
    def rows(self):
        return re.findall(rf"^\| ({self.letter}-\d+) \|", self.text, re.M)

    @property
    def flaws(self):
        return set(re.findall(r"W-\d\d", self.text.split("### Differences")[0]))

    @property
    def named(self):
        return set(re.findall(r"`(test_\w+\.py::\w+)`", self.text))

    def bare(self):
        """Rows that name no test that exists."""
        lines = re.findall(rf"^\| (?:{self.letter}|W)-\d+.*$", self.text, re.M)
        named = ((line, set(re.findall(r"`(test_\w+\.py::\w+)`", line))) for line in lines)
        return [line for line, tests in named if not tests or not tests <= self.tests]

    def unexplained(self):
        """Differences that are named and not explained, or the other way round."""
        referred = set(re.findall(r"\]\(#([a-z]+)\)", self.text))
        return referred ^ set(re.findall(r'<a id="([a-z]+)"></a>', self.text))

    def flaws_of_tests(self):
        """The flaws that tests have in their names."""
        return {f"W-{number}" for test in self.tests for number in re.findall(r"_w(\d\d)(?=_)", test)}


def numbered(letter, count):
    return [f"{letter}-{number:02}" for number in range(1, count + 1)]
