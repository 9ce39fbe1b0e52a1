"""The commands about the copies elsewhere: mirror status, fill and schema.

Like `daemon.cli.main`, which names them, they parse, call and print.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from config.errors import ConfigError, NightsortError, StoreDamaged
from config.readable import plain
from daemon.cli.common import EXIT_FAILED, json_option, load, print_json

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.domain.clock import Clock
    from daemon.mirror.bucket.filling import BucketDocument
    from daemon.mirror.filling import MirrorDocument
    from daemon.store import Store


@click.group()
def mirror() -> None:
    """The copies elsewhere: of the history in PostgreSQL, of files in object storage."""


@mirror.command()
@json_option
@click.pass_obj
def status(config_file: Path | None, as_json: bool) -> None:
    """Say how far the copies are; exit 1 while one fails.

    \b
    Example:
      nightsort mirror status
      nightsort mirror status --json | jq .waiting
    """  # noqa: D301
    from daemon.health.status_file import NOT_RUNNING, read
    from daemon.mirror.bucket import filling as bucket
    from daemon.mirror.filling import document_of
    from daemon.store import Store

    settings = load(config_file)
    with closing(Store(settings.state_dir, reading=True)) as store:
        said, code = read(settings.state_dir)
        is_running = code != NOT_RUNNING
        document = document_of(settings.mirror, store, said["mirror"] if is_running else None)
        files = bucket.document_of(settings, store, said["bucket"] if is_running else None)
    if as_json:
        print_json({**document, "bucket": files})
    else:
        _show(document, files)
        if not is_running and settings.mirror.is_wanted:
            click.echo("nightsort is not running; it copies while it does", err=True)
    if document["why"] is not None or (files is not None and files["why"] is not None):
        sys.exit(EXIT_FAILED)


@mirror.command()
@json_option
@click.pass_obj
def fill(config_file: Path | None, as_json: bool) -> None:
    """Compare the copies with all that is here, and copy what differs or is missing.

    It happens by itself when a copy begins, when one side was put back to an earlier state, and
    for a bucket once a day. A running daemon does it, and this command only asks; else it is done
    here, with connection string and access key from the settings or the environment. Where one of
    database and bucket fails, the other is filled all the same; it exits 1 then, and says which.

    \b
    Example:
      nightsort mirror fill
    """  # noqa: D301
    from config.logs import configure
    from daemon.domain.clock import SystemClock
    from daemon.folders.locks import is_held, prepare
    from daemon.mirror import filling
    from daemon.mirror.bucket import filling as bucket
    from daemon.service.state import owned

    settings = load(config_file)
    station = filling.require_wanted(settings.mirror)
    prepare(settings.state_dir)
    done, failed = _Filled(), list[NightsortError]()
    if is_held(settings.state_dir):
        filling.ask_to_fill(settings.state_dir)
        bucket.ask_to_fill(settings.state_dir)
        click.echo("The daemon copies everything now; see: nightsort mirror status", err=True)
    else:
        configure(service=False)
        clock = SystemClock.of(settings)
        with owned(settings, clock) as store:
            done, failed = _fill_each(settings, store, clock)
    if as_json:
        print_json({"station": station, "rows": done.rows, "copies": done.copies})
    if failed:
        worst = next((one for one in failed if isinstance(one, ConfigError)), failed[0])
        raise type(worst)("\n".join(map(str, failed)))


@mirror.command()
@click.option(
    "--from",
    "version",
    type=int,
    default=0,
    metavar="VERSION",
    help="Only what a newer nightsort adds to tables of that schema.",
)
def schema(version: int) -> None:
    """Print the SQL that makes tables, views, roles and rights, for a database's administrator.

    A box that may make tables makes them itself; roles for several stations, and for readers, are
    made by this alone. Tables that are there already are brought up to date with --from and the
    number that nightsort.schema_version holds.

    \b
    Example:
      nightsort mirror schema | psql -v ON_ERROR_STOP=1 returns
      nightsort mirror schema --from 1 | psql -v ON_ERROR_STOP=1 returns
    """  # noqa: D301
    from daemon.mirror.schema import VERSION, script

    if not 0 <= version <= VERSION:
        raise click.BadParameter(f"there are 1 to {VERSION}", param_hint="--from")
    click.echo(script(version), nl=False)


class _Filled(NamedTuple):
    """How much is there now; None of where nothing is to be, or nothing could be said."""

    rows: int | None = None
    copies: int | None = None


def _fill_each(
    settings: Settings, store: Store, clock: Clock
) -> tuple[_Filled, list[NightsortError]]:
    """Fill the database and the bucket, whatever becomes of the other; and what failed."""
    done, failed = _Filled(), list[NightsortError]()
    if settings.mirror.has_postgres:
        with _noting(failed):
            done = done._replace(rows=_fill_database(settings, store))
    if settings.mirror.has_bucket:
        with _noting(failed):
            done = done._replace(copies=_fill_bucket(settings, store, clock))
    return done, failed


@contextmanager
def _noting(failed: list[NightsortError]) -> Iterator[None]:
    """Go on after a failure; a damaged history is looked for at the next start, and ends all."""
    try:
        yield
    except StoreDamaged:
        raise
    except NightsortError as exc:
        failed.append(exc)


def _fill_database(settings: Settings, store: Store) -> int:
    from daemon.cli.progress import progress
    from daemon.mirror.filling import fill

    with progress("copying") as advance:
        rows = fill(settings.mirror, store, settings.state_dir, advance)
    station = settings.mirror.station
    click.echo(f"{rows:,} rows of station {station} are in PostgreSQL.", err=True)
    return rows


def _fill_bucket(settings: Settings, store: Store, clock: Clock) -> int:
    from daemon.cli.progress import progress
    from daemon.mirror.bucket.filling import fill

    with progress("copying files") as advance:
        copies = fill(settings, store, clock, advance)
    station = settings.mirror.station
    click.echo(f"{copies:,} files of station {station} are in the bucket.", err=True)
    return copies


def _show(document: MirrorDocument, files: BucketDocument | None) -> None:
    if files is None or document["state"] != "off":
        click.echo(plain(_in_words(document)))
    if files is not None:
        click.echo(plain(_files_in_words(files)))
        if files["kept_home"]:
            click.echo(
                f"{files['kept_home']:,} photos stay here alone, as their copies cannot be had "
                "without metadata ([mirror] strip_metadata)."
            )


def _files_in_words(files: BucketDocument) -> str:
    bucket, copies = files["bucket"], f"{files['copies']:,} files are there"
    waiting = f"{files['waiting']:,} files and changes wait"
    match files["state"]:
        case "not begun":
            return f"Bucket {bucket}: nothing was copied yet."
        case "filling":
            return f"Bucket {bucket}: everything is compared and copied; {copies}, {waiting}."
        case "behind":
            return f"Bucket {bucket}: {waiting}, as each attempt fails: {files['why']}"
        case "catching up":
            return f"Bucket {bucket}: {copies}, {waiting}."
    return f"Bucket {bucket}: all {files['copies']:,} files are there."


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
