"""The command `value`: what nightsort saved in a month, with all that is assumed.

Like `daemon.cli.main`, which names it, it parses, calls and prints.
"""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.cli.common import json_option, load, print_json

if TYPE_CHECKING:
    from daemon.reporting.periods import Period


@click.command()
@click.option("--month", metavar="YYYY-MM", help="That month, such as 2026-11. Default: this one.")
@json_option
@click.pass_obj
def value(config_file: Path | None, month: str | None, as_json: bool) -> None:
    """Say what was saved in a month, in hours, and in money where [value] wage_per_hour is set.

    Photos with a verdict at the seconds that one takes by hand, less what people still did:
    decisions, and quick looks. What these take is measured on the page where it is used (median of
    twelve weeks); what is assumed is a key of [value]. Both stand beside the figure.

    \b
    Example:
      nightsort value
      nightsort value --month 2026-11 --json | jq .saved_hours
    """  # noqa: D301
    from daemon.domain.clock import SystemClock, zone_of
    from daemon.domain.value import in_words
    from daemon.reporting.figures import figures_of
    from daemon.reporting.value import by_time, measured_until, of_period
    from daemon.store import Store

    settings = load(config_file)
    zone = zone_of(settings)
    today = SystemClock(zone).now().date()
    period = _period(month, today)
    with closing(Store(settings.state_dir, reading=True)) as store:
        figures = figures_of(store, period, zone)
        measured = measured_until(store, settings.value, min(period.last, today))
    worth = of_period(figures, settings.value, today, measured)
    if as_json:
        print_json({"month": period.name, "runs": figures.total.runs, **worth.as_json()})
        return
    click.echo(by_time(period, today))
    for label, text in in_words(worth):
        click.echo(f"{label:12} {text}")
    if settings.value.wage_per_hour is None:
        click.echo("No money is told: [value] wage_per_hour is not set.")


def _period(month: str | None, today: date) -> Period:
    from daemon.reporting.periods import Period

    try:
        return Period.month_of(today) if month is None else Period.month(month)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
