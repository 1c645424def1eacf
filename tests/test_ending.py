"""The long commands end at once, and nothing that is to be done at the end is left out."""

import subprocess
import sys


def _ends(command: str) -> subprocess.CompletedProcess:
    code = f"import atexit, sys; from dagster_project.ending import end_at_once_after\nend_at_once_after(lambda: {command})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_what_is_to_be_done_at_the_end_is_done_and_all_that_was_said_arrives():
    ended = _ends("(atexit.register(print, 'closed'), print('said'), sys.exit(0))")
    assert (ended.returncode, ended.stdout) == (0, "said\nclosed\n")


def test_the_exit_code_is_that_of_the_command():
    assert _ends("sys.exit(3)").returncode == 3
    assert _ends("sys.exit()").returncode == 0
    assert _ends("None").returncode == 0


def test_words_instead_of_an_exit_code_are_an_error_as_python_has_it():
    ended = _ends("sys.exit('no such file')")
    assert (ended.returncode, ended.stderr) == (1, "no such file\n")


def test_an_error_that_nobody_caught_is_told_as_always():
    ended = _ends("1 / 0")
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stderr
