"""The commands about alerts: whether they arrive."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.readable import plain
from config.settings import Settings, load
from daemon.cli_parts import EXIT_FAILED, json_option, print_json

NOBODY = "nobody would be told of trouble; set [alerts] targets"
TEST_ORDER = "alerts_test"


@click.group()
def alerts() -> None:
    """Alerts: who is told, and whether it arrives."""


@alerts.command()
@json_option
@click.pass_obj
def test(config_file: Path | None, as_json: bool) -> None:
    """Send a test alert to every target now, and say how each went; exit 1 if one failed.

    The running service sends them, if there is one: it holds the passwords, and what it may reach
    is what counts.

    \b
    Example:
      nightsort alerts test
      nightsort alerts test --json | jq '.targets[] | select(.delivered | not)'
    """  # noqa: D301
    answer = sent(load(config_file))
    if as_json:
        print_json(answer)
    elif not answer["targets"]:
        click.echo(f"nightsort: {NOBODY}", err=True)
    else:
        for one in answer["targets"]:
            click.echo(in_words(one))
    if not answer["targets"] or any(one["error"] for one in answer["targets"]):
        sys.exit(EXIT_FAILED)


COMMANDS = (alerts,)


def sent(settings: Settings) -> dict[str, Any]:
    """Have a test alert sent to every target, by the service or here; says how each went."""
    from daemon.lock import is_held

    if is_held(settings.state_dir):
        from daemon.control import give_order

        return give_order(settings.state_dir, TEST_ORDER, ())
    return sent_here(settings)


def sent_here(settings: Settings) -> dict[str, Any]:
    """As `sent`, by this process."""
    from daemon.alerting.tryout import try_out
    from daemon.clock import local_zone

    return try_out(settings, datetime.now(settings.window.zone() or local_zone()))


def in_words(one: dict[str, Any]) -> str:
    """How one target fared, as a line, with a remedy below where it needs one."""
    if not one["error"]:
        return f"ok      {plain(one['name'])}: delivered"
    but = "delivered, but not to all: " if one["delivered"] else ""
    return (
        f"wrong   {plain(one['name'])}: {but}{plain(one['error'])}\n"
        "        → correct it in [alerts] targets, or see to its server; docs/alerts.md says how"
    )
