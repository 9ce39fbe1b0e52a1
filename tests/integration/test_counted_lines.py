"""The figure in the report of `make test`, on a project of a few lines, by pytest itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Of 14 lines, one of them in a module that is never imported, 6 run at import, one more in the
# quick test, and three in the slow one before its time is up.
PRODUCT = '''"""A module."""
import sys


class Shelf:
    """Of photos."""

    size = 3

    def label(self):
        return "shelf"


def slow(is_over):
    began = 1
    while not is_over():
        began += 1
    late = 2
    return late


def drawn():
    return 1


if __name__ == "__main__":
    sys.exit(drawn())
'''
LOSING = ("-n", "2", "--max-worker-restart=0")  # its first worker, in the order of files
TESTS = '''
import sys, threading, time
from hypothesis import given, strategies
from installer.shelves import Shelf, drawn, slow

def test_quick():
    assert Shelf().label() == "shelf"
    assert sys.gettrace() is not None

def test_slow():
    """Uses more CPU than is counted: what runs then is not."""
    assert slow(lambda: time.process_time() > begin + 5 or sys.gettrace() is None) == 2
    assert sys.gettrace() is None

begin = time.process_time()

@given(strategies.integers())
def test_drawn(number):
    assert sys.gettrace() is None
    assert drawn() == 1
'''
OTHER = """
import os, sys
from installer.shelves import drawn

def test_other():
    assert drawn() == 1
    assert sys.gettrace() is None

def test_that_ends_its_worker():
    if "END" in os.environ:
        os._exit(1)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in (
        ("installer/__init__.py", ""),
        ("installer/shelves.py", PRODUCT),
        ("installer/never_imported.py", "a = 1\n"),
        ("classifier/training/left_out.py", "a = 1\n"),
        ("tests/unit/test_shelves.py", TESTS),
        ("tests/integration/test_other.py", OTHER),
        ("pytest.ini", "[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def report(project: Path, *options: str, **more: str) -> list[str]:
    """The last lines of it."""
    counting = ["-p", "tests.support.counted_lines", "-p", "no:schemathesis"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *counting, *options],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("options", [["-p", "no:xdist"], ["-n", "2"]], ids=["one", "workers"])
def test_the_lines_of_unit_tests_are_told_before_the_last_line(
    project: Path, options: list[str]
) -> None:
    *_, told, last = report(project, *options)
    assert "5 passed" in last, told
    assert told == (
        "2 unit tests run 71% of the lines of web, daemon, classifier, config and installer "
        "(drawn cases and the other 3 tests not counted)"
    )


def test_a_figure_that_lacks_a_worker_says_so(project: Path) -> None:
    *_, told, last = report(project, "-p", "no:randomly", *LOSING, END="1")
    assert "1 failed" in last
    assert "unit tests run at least " in told


def test_without_a_unit_test_nothing_is_told(project: Path) -> None:
    said = report(project, "tests/integration")
    assert "2 passed" in said[-1]
    assert not any("of the lines of" in line for line in said)


def test_whoever_traces_already_is_left_alone(project: Path) -> None:
    (project / "tests/unit/conftest.py").write_text(
        "import sys\ndef pytest_runtest_setup():\n    sys.settrace(lambda *_: None)\n"
        "def pytest_runtest_teardown():\n    assert sys.gettrace()\n    sys.settrace(None)\n"
    )
    said = report(project, "tests/unit/test_shelves.py", "-k", "quick")
    assert "1 passed" in said[-1]
    assert "of the lines of" not in said[-2]
