"""The commands about alerts: what was told, who knows of it, and whether alerts arrive."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import RefusedError
from config.readable import plain
from daemon.cli.common import EXIT_FAILED, json_option, load, print_json
from daemon.domain.alerts import IncidentDocument

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.domain.alert_answers import TargetsAnswer, TargetTried
    from daemon.domain.alerts import Incident

NOBODY = "nobody would be told of trouble; set [alerts] targets"


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
    from daemon.domain.coding import coded

    answer = sent(load(config_file))
    if as_json:
        print_json(coded(answer))
    elif not answer.targets:
        click.echo(f"nightsort: {NOBODY}", err=True)
    else:
        for one in answer.targets:
            click.echo(in_words(one))
    if not answer.targets or any(one.error for one in answer.targets):
        sys.exit(EXIT_FAILED)


@alerts.command("list")
@click.option(
    "--number",
    "-n",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many, the newest first.",
)
@json_option
@click.pass_obj
def list_alerts(config_file: Path | None, number: int, as_json: bool) -> None:
    """List what people were told: raised, delivered, resolved, acknowledged.

    Below, what nightsort-check told while it could not use the database; that has no ID, and ends
    when the service is back.

    \b
    Example:
      nightsort alerts list
      nightsort alerts list --json | jq '.alerts[] | select(.resolved == null)'
    """  # noqa: D301
    from daemon.alerting.file_outbox import noted_of
    from daemon.cli.tables import alerts_table, noted_lines
    from daemon.domain.clock import zone_of
    from daemon.store import Store

    settings = load(config_file)
    zone = zone_of(settings)
    noted = noted_of(settings.state_dir)
    incidents: list[IncidentDocument] | None = None
    try:
        with closing(Store(settings.state_dir, reading=True)) as store:
            incidents = store.alerts.history(number)
    finally:  # a database that cannot be read is why there is something noted
        if as_json and (noted or incidents is not None):
            print_json({"alerts": incidents, "noted": [_as_record(one) for one in noted]})
        elif incidents:
            click.echo("\n\n".join([alerts_table(incidents, zone), *noted_lines(noted, zone)]))
        elif noted:
            click.echo("\n".join(noted_lines(noted, zone)))
        elif incidents is not None:
            click.echo("Nobody had to be told of anything yet.")


@alerts.command()
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.pass_obj
def ack(config_file: Path | None, number: int) -> None:
    """Say that you know of an alert: it is not repeated any more. Its end is told all the same.

    \b
    Example:
      nightsort alerts ack 12
    """  # noqa: D301
    from daemon.folders.locks import prepare, user_name
    from daemon.store import Store

    state_dir = load(config_file).state_dir
    with closing(Store(state_dir, reading=True)):
        prepare(state_dir)  # not before it is known that there is one
    with closing(Store(state_dir)) as store:
        if not store.alerts.acknowledge(number, user_name(os.getuid()), datetime.now(UTC)):
            raise RefusedError(f"there is no alert {number}; see: nightsort alerts list")
    click.echo(f"Alert {number} is acknowledged; it is not repeated.", err=True)


def sent(settings: Settings) -> TargetsAnswer:
    """Have a test alert sent to every target, by the service or here; says how each went."""
    from daemon.folders.locks import is_held

    if is_held(settings.state_dir):
        from daemon.domain.orders import SendTestAlert
        from daemon.service.control_client import give_order

        return give_order(settings.state_dir, SendTestAlert())
    return sent_here(settings)


def sent_here(settings: Settings) -> TargetsAnswer:
    """As `sent`, by this process."""
    from daemon.alerting.targets import try_out
    from daemon.domain.clock import zone_of

    return try_out(settings, datetime.now(zone_of(settings)))


def in_words(one: TargetTried) -> str:
    """How one target fared, as a line, with a remedy below where it needs one."""
    if not one.error:
        return f"ok      {plain(one.name)}: delivered"
    but = "delivered, but not to all: " if one.delivered else ""
    return (
        f"wrong   {plain(one.name)}: {but}{plain(one.error)}\n"
        "        → correct it in [alerts] targets, or see to its server; docs/alerts.md says how"
    )


def _as_record(noted: Incident) -> dict[str, object]:
    return {
        "rule": noted.rule,
        "raised": noted.raised_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "day": noted.day,
        "facts": noted.facts,
    }
