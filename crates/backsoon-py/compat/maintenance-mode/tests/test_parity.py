"""docs/django-parity.md is true: every row is there, and names tests that exist."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[4] / "docs" / "django-parity.md"


def section():
    """The part of the page that is about this package."""
    return PAGE.read_text(encoding="utf-8").split("\n## M: ")[1].split("\n## ")[0]


def existing():
    return {f"{file.name}::{name}" for file in HERE.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.M)}


def test_every_row_is_there_once_and_in_order():
    rows = re.findall(r"^\| (M-\d+) \|", section(), re.M)
    assert rows == [f"M-{number:02}" for number in range(1, 104)]


def test_every_row_names_a_test_that_exists():
    there = existing()
    for line in re.findall(r"^\| [MW]-\d+.*$", section(), re.M):
        named = re.findall(r"`(test_\w+\.py::\w+)`", line)
        assert named and set(named) <= there, line


def test_every_test_that_is_named_exists():
    named = set(re.findall(r"`(test_\w+\.py::\w+)`", section()))
    assert named <= existing(), named - existing()


def test_every_difference_is_explained():
    referred = set(re.findall(r"\]\(#([a-z])\)", section()))
    assert referred and referred == set(re.findall(r'<a id="([a-z])"></a>', section()))


def test_every_flaw_that_the_tests_name_is_on_the_page():
    named = {f"W-{number}" for test in existing() for number in re.findall(r"_w(\d\d)(?=_)", test)}
    assert named == set(re.findall(r"W-\d\d", section().split("### Differences")[0]))
