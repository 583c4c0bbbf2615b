"""The command: M-84 to M-93."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from maintenance_mode.core import get_maintenance_mode, set_maintenance_mode


def run(*words, **options):
    """What it prints."""
    out = io.StringIO()
    call_command("maintenance_mode", *words, stdout=out, stderr=out, **options)
    return out.getvalue()


def from_a_shell(*words, settings=None, stdin=""):
    """The exit code, and what is printed."""
    more = f"from django.conf import settings; settings.__dict__.update({settings or {}!r});"
    code = f"import django, sys; django.setup(); {more} from django.core.management import execute_from_command_line as run; run(sys.argv)"
    done = subprocess.run([sys.executable, "-c", code, "maintenance_mode", *words], cwd=Path(__file__).parent, capture_output=True, text=True, input=stdin)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("word, value", [
    *((word, True) for word in ("on", "yes", "true", "1", "ON", "Yes")), *((word, False) for word in ("off", "no", "false", "0", "OFF", "False")),
])
def test_m84_words(word, value):
    set_maintenance_mode(not value)
    run(word)
    assert get_maintenance_mode() is value


def test_m85_other_words(state):
    with pytest.raises(CommandError, match=r"^Invalid argument: 'status' expected <on\|off>$"):
        run("status")
    where = {"MAINTENANCE_MODE_STATE_FILE_PATH": str(state)}
    code, said = from_a_shell("status", settings=where)
    assert code == 1 and "CommandError: Invalid argument: 'status' expected <on|off>" in said
    code, said = from_a_shell(settings=where)
    assert code == 2 and "usage:" in said


@pytest.mark.parametrize("verbosity", [0, 1, 2])
def test_m86_silent(verbosity):
    assert [run(word, verbosity=verbosity) for word in ("on", "on", "off", "off")] == [""] * 4


def test_m86_what_is_said_with_v3():
    said = [run(word, verbosity=3) for word in ("on", "on", "off", "off")]
    assert said == [f"maintenance mode: on\n", "maintenance mode is already on\n", "maintenance mode: off\n", "maintenance mode is already off\n"]
    assert run("on", start="2099-01-01T00:00Z", verbosity=3) == (
        "maintenance mode: off (scheduled: {'start': '2099-01-01T00:00:00+00:00', 'end': None})\n"
    )


def test_m87_on_over_a_schedule_replaces_it(state):
    set_maintenance_mode(True, end="2099-01-01T00:00Z")
    run("on")
    assert state.read_text() == "1"
    before = os.stat(state).st_ino
    run("on")
    assert os.stat(state).st_ino == before
    run("on", end="2099-01-01T00:00Z")
    assert state.read_text().startswith("{")


def test_m88_off_clears_a_schedule_to_come(state):
    set_maintenance_mode(True, start="2099-01-01T00:00Z")
    assert run("off", verbosity=3) == "maintenance mode: off\n"
    assert state.read_text() == "0"


@pytest.mark.parametrize("option", ["start", "end"])
def test_m89_off_takes_no_moments(option):
    with pytest.raises(CommandError, match="^--start / --end options can only be used with 'on' state$"):
        run("off", **{option: "2099-01-01"})


@pytest.mark.parametrize("answer, is_on", [("y", True), ("Yikes", True), ("n", False), ("", False), (" y", False)])
def test_m90_it_asks(answer, is_on, monkeypatch):
    asked = []
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or answer)
    run("on", interactive=True)
    assert get_maintenance_mode() is is_on and asked == ["maintenance mode on? (y/N) "]
    set_maintenance_mode(True)
    run("on", interactive=True)
    assert len(asked) == 1


def test_m90_nobody_answers(state):
    code, said = from_a_shell("on", "--interactive", settings={"MAINTENANCE_MODE_STATE_FILE_PATH": str(state)})
    assert code == 1 and "EOFError" in said


def test_m91_errors(given, tmp_path):
    given(STATE_FILE_PATH=str(tmp_path))
    with pytest.raises(CommandError, match="^Unable to read state file at: maintenance_mode_state.txt$"):
        run("on")
    (tmp_path / "file").write_text("")
    given(STATE_FILE_PATH=str(tmp_path / "file" / "state.txt"), STATE_FILE_NAME="state.txt")
    with pytest.raises(CommandError, match="^Unable to (read|write) state file at: state.txt$"):
        run("on")
    given(STATE_FILE_PATH=str(tmp_path / "state.txt"))
    for options, says in (({"end": "foo"}, "^Invalid datetime value: 'foo'$"), ({"end": "2001-01-01"}, "^end argument value must be in the future$")):
        with pytest.raises(CommandError, match=says):
            run("on", **options)
    given(MAINTENANCE_MODE=True)
    assert run("on") == ""
    with pytest.raises(CommandError, match="^Maintenance mode cannot be set dynamically if defined in settings.$"):
        run("off")


def test_m91_a_write_that_fails(state, monkeypatch):
    import maintenance_mode.backends

    def full(*_):
        raise OSError("the disk is full")

    set_maintenance_mode(False)
    monkeypatch.setattr(maintenance_mode.backends, "write_file", full)
    with pytest.raises(CommandError, match="^Unable to write state file at: maintenance_mode_state.txt$"):
        run("on")


def test_m92_from_code(state):
    call_command("maintenance_mode", "on", end="2099-01-01T00:00Z")
    assert get_maintenance_mode() is True and "2099" in state.read_text()


def test_m93_words_and_options_that_there_are_not(state):
    where = {"MAINTENANCE_MODE_STATE_FILE_PATH": str(state)}
    assert from_a_shell("toggle", settings=where)[0] == 1
    assert from_a_shell("on", "--message", "x", settings=where)[0] == 2
    assert from_a_shell("on", settings=where) == from_a_shell("on", settings=where) == (0, "")
