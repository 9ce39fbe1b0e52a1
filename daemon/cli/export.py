"""The command that writes the history as Parquet.

Like `daemon.cli.main`, which names it, it parses, calls and prints.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.readable import plain
from daemon.cli.common import any_path, json_option, load, print_json
from daemon.cli.progress import progress

if TYPE_CHECKING:
    from daemon.maintenance.export import Exported
    from daemon.reporting.periods import Period

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--parquet", "folder", type=any_path, required=True, help="Folder for the tables.")
@click.option("--from", "first", type=_DAY, metavar="DAY", help="First day. Default: all.")
@click.option("--to", "last", type=_DAY, metavar="DAY", help="Last day. Default: today.")
@json_option
@click.pass_obj
def export(
    config_file: Path | None,
    folder: Path,
    first: datetime | None,
    last: datetime | None,
    as_json: bool,
) -> None:
    """Write the history as tables in Parquet: for pandas, DuckDB and whatever else reads that.

    Runs, photos with verdict and decision, corrections, alerts, versions, and the API's calls by
    hour. Asked for again, the folder is brought up to date; a folder with anything else in it is
    refused. What is forgotten later stays in exports of before, which its receipt says. Needs
    pyarrow, which is an extra; docs/explore.md has columns and examples.

    \b
    Example:
      nightsort export --parquet /srv/data/nightsort
      nightsort export --parquet november/ --from 2026-11-01 --to 2026-11-30
    """  # noqa: D301
    from daemon.domain.clock import zone_of
    from daemon.folders.locks import prepare
    from daemon.maintenance import export as exporting
    from daemon.maintenance.parquet import require_pyarrow

    require_pyarrow()
    settings = load(config_file)
    now = datetime.now(zone_of(settings))
    period = _period(first, last, now.date())
    if settings.state_dir.exists():
        prepare(settings.state_dir)  # refuses another user's
    with progress("exporting") as advance:
        exported = exporting.export(settings, folder, period, now, advance)
    if as_json:
        print_json(_json(folder, period, exported))
    else:
        for name, rows in exported.rows.items():
            click.echo(f"{plain(str(exporting.file_of(folder, name)))}: {rows:,} rows")


def _period(first: datetime | None, last: datetime | None, today: date) -> Period | None:
    from daemon.maintenance.export import BEGINNING
    from daemon.reporting.periods import Period

    if first is None and last is None:
        return None
    begin = first.date() if first else BEGINNING
    try:
        return Period.asked_for(begin, last.date() if last else today)
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc


def _json(folder: Path, period: Period | None, exported: Exported) -> dict[str, object]:
    from daemon.maintenance.export import span

    return {
        "out": str(folder),
        **span(period),
        "tables": {
            name: {"file": f"{name}.parquet", "rows": rows, "bytes": exported.size_bytes[name]}
            for name, rows in exported.rows.items()
        },
    }
