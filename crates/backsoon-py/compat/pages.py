"""For the tests: the test cases that a page shows, as they stand there."""

import re
import unittest
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def run(page):
    """What has become of them: how many there were, and what was wrong."""
    section = (DOCS / page).read_text(encoding="utf-8").split("\n## In tests\n")[1].split("\n## ")[0]
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", section, re.S) if "TestCase" in code)
    names = {"__name__": page}
    exec(compile(code, page, "exec"), names)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(names["ClosedTests"]).run(result)
    return result.testsRun, result.errors + result.failures
