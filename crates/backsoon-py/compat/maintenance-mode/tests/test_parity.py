"""docs/django-parity.md is true: every row is there, and names tests that exist."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from parity import Section, numbered  # noqa: E402


@pytest.fixture
def section():
    """The part of the page that is about this package."""
    return Section("M", HERE)


def test_every_row_is_there_once_and_in_order(section):
    assert section.rows == numbered("M", 103)


def test_every_row_names_a_test_that_exists(section):
    assert section.bare() == []


def test_every_test_that_is_named_exists(section):
    assert section.named <= section.tests, section.named - section.tests


def test_every_difference_is_explained(section):
    assert section.unexplained() == set() and 'id="a"' in section.text


def test_every_flaw_that_the_tests_name_is_on_the_page(section):
    assert section.flaws == section.flaws_of_tests()
