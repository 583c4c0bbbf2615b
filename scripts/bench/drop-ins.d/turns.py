"""Compares two environments, in turns: the original package in one, ours in the other.

    python turns.py SIDE.py ORIGINAL OURS M|D|O ROUNDS
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

script, original, ours, package, rounds = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
#: The package of each comparison, its scenarios with how many times cheaper ours has to be (none: only told), and the flips.
TARGETS: "dict[str, dict[str, float | None]]" = {
    "M": {"open,file": 10, "open,setting": 4, "refused,file": 2.5, "refused,file,tags": 2.5, "refused,file,signed-in": None, "20-patterns": 5, "50-addresses": None},
    "D": {"open,row": 2.5, "open,store": 30, "refused,row": 3, "refused,row,tags": 3, "refused,row,signed-in": None},
    "O": {"open,lock": None, "50-addresses": 20, "refused,lock": None},
}
FLIPS = {"M": ["file", "setting"], "D": ["row"], "O": ["lock", "setting"]}
#: Seconds of CPU time that a turn should take, so that the clock's own steps do not matter.
TURN = 0.15


class Side:
    """A process that answers."""

    def __init__(self, python: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [python, script, "serve", package, self.folder.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"{python} did not start: see above")

    def ask(self, what: str, count: int) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what} {count}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{what} failed: see above")
        return float(answer)

    def count(self, what: str) -> int:
        """How many requests make a turn."""
        self.ask(what, 50)
        each = max(self.ask(what, 200) / 200, 1e-8)
        # A signed-in visitor's requests are made beforehand, and lie in memory.
        return min(int(TURN / each) + 1, 3000 if "signed-in" in what else 1_000_000)

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.folder.cleanup()


def compare() -> None:
    before, after = Side(original), Side(ours)
    for what, target in TARGETS[package].items():
        counts = before.count(what), after.count(what)
        ratios, each = [], ([], [])
        for _ in range(rounds):
            taken = before.ask(what, counts[0]) / counts[0], after.ask(what, counts[1]) / counts[1]
            each[0].append(taken[0])
            each[1].append(taken[1])
            ratios.append(taken[0] / taken[1])
        middle = statistics.median(ratios)
        verdict = "" if target is None else f", target {target:g}: {'met' if middle >= target else 'MISSED'}"
        print(
            f"{package} {what:24} {statistics.median(each[0]) * 1e6:8.2f} us  ours {statistics.median(each[1]) * 1e6:7.2f} us"
            f"  {middle:6.1f} times cheaper ({min(ratios):.1f} to {max(ratios):.1f}){verdict}",
            flush=True,
        )
    for what in FLIPS[package]:
        wrong = after.ask(f"stale:{what}", 300)
        print(f"{package} {what}: {wrong:g} stale answers of 300 flips", flush=True)
        if wrong:
            raise SystemExit(1)
    before.end()
    after.end()


def cpu(*command: str) -> float:
    """Seconds of CPU time that a process takes from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def starts() -> None:
    """How much more a site takes until its first answer: what is imported, and what is set up."""
    more: "dict[str, list[float]]" = {"the original": [], "ours": []}
    # A start is short, and the machine is noisy.
    for _ in range(3 * rounds):
        taken = {}
        for name, python, what in (
            ("none", ours, "none"),
            ("the original", original, package),
            ("ours", ours, package),
            ("none of the original", original, "none"),
        ):
            with tempfile.TemporaryDirectory() as folder:
                if package == "D":
                    subprocess.run([python, script, "prepare", what, folder], check=True)
                taken[name] = cpu(python, script, "start", what, folder)
        more["ours"].append(taken["ours"] - taken["none"])
        more["the original"].append(taken["the original"] - taken["none of the original"])
    for name, seconds in more.items():
        middle = statistics.median(seconds) * 1e3
        verdict = "" if name != "ours" else f", target 60: {'met' if middle < 60 else 'MISSED'}"
        print(f"{package} start-up with {name}: {middle:.0f} ms more ({min(seconds) * 1e3:.0f} to {max(seconds) * 1e3:.0f}){verdict}")


if __name__ == "__main__":
    assert Path(script).exists()
    compare()
    starts()
