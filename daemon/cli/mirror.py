"""The commands about the copy in PostgreSQL: mirror status, fill and schema.

Like `daemon.cli.main`, which names them, they parse, call and print.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.readable import plain
from daemon.cli.common import EXIT_FAILED, json_option, load, print_json

if TYPE_CHECKING:
    from daemon.mirror.filling import MirrorDocument


@click.group()
def mirror() -> None:
    """The copy of the history in PostgreSQL, for data teams."""


@mirror.command()
@json_option
@click.pass_obj
def status(config_file: Path | None, as_json: bool) -> None:
    """Say how far the copy is; exit 1 while it fails.

    \b
    Example:
      nightsort mirror status
      nightsort mirror status --json | jq .waiting
    """  # noqa: D301
    from daemon.health.status_file import NOT_RUNNING, read
    from daemon.mirror.filling import document_of
    from daemon.store import Store

    settings = load(config_file)
    with closing(Store(settings.state_dir, reading=True)) as store:
        said, code = read(settings.state_dir)
        is_running = code != NOT_RUNNING
        document = document_of(settings.mirror, store, said["mirror"] if is_running else None)
    if as_json:
        print_json(document)
    else:
        click.echo(plain(_in_words(document)))
        if not is_running and document["state"] != "off":
            click.echo("nightsort is not running; it copies while it does", err=True)
    if document["why"] is not None:
        sys.exit(EXIT_FAILED)


@mirror.command()
@json_option
@click.pass_obj
def fill(config_file: Path | None, as_json: bool) -> None:
    """Compare the copy with the whole history, and copy what differs or is missing.

    It happens by itself when a copy begins, and when one side was put back to an earlier state. A
    running daemon does it, and this command only asks; else it is done here, with the connection
    string from the settings or the environment.

    \b
    Example:
      nightsort mirror fill
    """  # noqa: D301
    from config.logs import configure
    from daemon.cli.progress import progress
    from daemon.domain.clock import SystemClock, local_zone
    from daemon.folders.locks import is_held, prepare
    from daemon.mirror import filling
    from daemon.service.state import owned

    settings = load(config_file)
    station = filling.require_wanted(settings.mirror)
    prepare(settings.state_dir)
    rows = None
    if is_held(settings.state_dir):
        filling.ask_to_fill(settings.state_dir)
        click.echo("The daemon copies everything now; see: nightsort mirror status", err=True)
    else:
        configure(service=False)
        clock = SystemClock(settings.window.zone() or local_zone())
        with owned(settings, clock) as store, progress("copying") as advance:
            rows = filling.fill(settings.mirror, store, advance)
        click.echo(f"{rows:,} rows of station {station} are in PostgreSQL.", err=True)
    if as_json:
        print_json({"station": station, "rows": rows})


@mirror.command()
def schema() -> None:
    """Print the SQL that makes tables, views, roles and rights, for a database's administrator.

    A box that may make tables makes them itself; roles for several stations, and for readers, are
    made by this alone.

    \b
    Example:
      nightsort mirror schema | psql -v ON_ERROR_STOP=1 returns
    """  # noqa: D301
    from daemon.mirror.schema import script

    click.echo(script(), nl=False)


def _in_words(document: MirrorDocument) -> str:
    station, waiting = document["station"], f"{document['waiting']:,} changes wait"
    match document["state"]:
        case "off":
            return "There is no mirror; docs/mirror.md says how to get one."
        case "not begun":
            return f"Station {station}: nothing was copied yet; {document['rows']:,} rows wait."
        case "filling":
            return (
                f"Station {station}: everything is compared and copied, {document['filled']:,} of "
                f"{document['rows']:,} rows so far; {waiting}."
            )
        case "behind":
            return f"Station {station}: {waiting}, as each attempt fails: {document['why']}"
        case "catching up":
            return f"Station {station}: {waiting}."
    return f"Station {station}: all {document['rows']:,} rows are in PostgreSQL."
