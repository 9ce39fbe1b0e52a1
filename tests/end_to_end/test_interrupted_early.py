"""Ctrl-C while Python still loads what the command needs: a line, and no traceback."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.processes import clean_environment
from tests.support.waiting import DEADLINE_SECONDS

ROOT = Path(__file__).parents[2]
INTERRUPT = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == {name!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = {arguments!r}
runpy.run_module({module!r}, run_name="__main__", alter_sys=True)
"""


def interrupted(
    module: str, name: str, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """A module run as a command, and interrupted just as it imports `name`."""
    code = INTERRUPT.format(module=module, name=name, arguments=list(arguments))
    environment = {"PYTHONPATH": str(ROOT), "NIGHTSORT_WEB__LISTEN": "127.0.0.1:0"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS, cwd=folder,
        env=clean_environment() | environment,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["run", "web"])
@pytest.mark.parametrize("name", ["daemon.cli.main", "click", "config.errors", "config.settings"])
def test_it_is_told_in_one_line(command: str, name: str, tmp_path: Path) -> None:
    done = interrupted("daemon.cli", name, tmp_path, command)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "nightsort: interrupted"


def test_daemon_and_page_together_end_without_a_traceback(tmp_path: Path) -> None:
    done = interrupted("web.together", "subprocess", tmp_path)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode in (0, 143)


def test_the_installed_command_begins_there_and_nothing_is_imported_before() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"nightsort": "daemon.cli.entry:main"}
    code = (
        "import sys; before = set(sys.modules); import daemon.cli.entry\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["daemon", "daemon.cli", "daemon.cli.entry"]
