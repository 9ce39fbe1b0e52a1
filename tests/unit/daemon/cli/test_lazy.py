"""Commands that are imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from daemon.cli.lazy import LazyGroup
from daemon.cli.main import COMMANDS, cli
from tests.support.processes import clean_environment

ROOT = Path(__file__).parents[4]
CONTEXT = click.Context(cli, info_name="nightsort")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_is_where_it_is_said_to_be_and_is_called_so(name: str) -> None:
    command = cli.get_command(CONTEXT, name)
    assert command is not None
    assert command.name == name


def test_there_are_no_commands_but_those() -> None:
    assert cli.list_commands(CONTEXT) == sorted(COMMANDS)
    assert cli.get_command(CONTEXT, "no-such-command") is None


def test_a_command_is_paid_for_by_who_asks_for_it() -> None:
    code = (
        "import sys; from daemon.cli.main import cli\n"
        "cli.main(['status', '--help'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('daemon.cli.')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT,
        env=clean_environment(),
    )  # fmt: skip
    assert "daemon.cli.health" in done.stderr
    for other in ("history", "photos", "state", "alerts", "service", "demo"):
        assert f"'daemon.cli.{other}'" not in done.stderr


def test_what_is_not_a_command_is_a_defect_that_is_seen() -> None:
    group = LazyGroup(places={"main": "daemon.cli.main:main"})
    with pytest.raises(AssertionError):
        group.get_command(CONTEXT, "main")


def test_who_mistypes_a_command_is_told_which_was_meant() -> None:
    with pytest.raises(click.UsageError) as refused:
        cli.main(["nwo"], standalone_mode=False)
    assert "'now'" in refused.value.format_message()
