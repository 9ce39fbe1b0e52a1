"""The commands about nightsort's own memory: backup and restore.

Like `daemon.cli.main`, which names them, they parse, call and print.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import NamedWrongly, NightsortError, RefusedError
from config.readable import plain
from daemon.cli.common import json_option, load, print_json

if TYPE_CHECKING:
    from daemon.maintenance.backups import Backups
    from daemon.store.copies import Contents

_MB = 1_000_000
_TAKES_BACK = (
    "; the page takes back those that it does not know, at its next start or within the hour"
)


@click.command()
@click.option(
    "--to",
    type=click.Path(path_type=Path, readable=False),
    help="A new file, or a folder, in place of the folder of [backups].",
)
@click.option("--list", "as_list", is_flag=True, help="Only list the backups that there are.")
@json_option
@click.pass_obj
def backup(config_file: Path | None, to: Path | None, as_list: bool, as_json: bool) -> None:
    """Copy nightsort's memory, queue and history, to one file, and check it.

    The page's accounts and keys are in it, too. The daemon may run or not; it goes on working. It
    makes a backup every night by itself, unless [backups] says otherwise. Photos and results are
    ordinary files, and are not in it.

    \b
    Example:
      nightsort backup
      nightsort backup --to /mnt/usb/
      nightsort backup --list
    """  # noqa: D301
    from config.logs import configure
    from daemon.domain.clock import SystemClock, local_zone
    from daemon.folders.locks import prepare
    from daemon.maintenance.backups import Backups

    settings = load(config_file)
    backups = Backups.from_settings(settings)
    if as_list:
        _show_all(backups, as_json=as_json)
        return
    configure(service=False)
    if settings.state_dir.exists():  # else there is nothing to back up, and nothing is made
        prepare(settings.state_dir)
        _copy_versions(settings.state_dir)
    made = backups.make(SystemClock(settings.window.zone() or local_zone()).now(), to)
    if as_json:
        print_json(made.as_json())
    else:
        click.echo(plain(str(made.path)))
        click.echo(
            f"Photos: {made.contents.photos:,}, runs: {made.contents.runs:,}, "
            f"{made.size_bytes / _MB:.1f} MB; every page was checked.",
            err=True,
        )
        _show_people(made.contents, "")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--anyway", is_flag=True, help="Also take a backup of another nightsort, for a new machine."
)
@click.pass_obj
def restore(config_file: Path | None, file: Path, anyway: bool) -> None:
    """Put a backup in the place of the present database, which is kept beside it.

    The daemon must be stopped. FILE is checked first; one that is damaged or of something else
    changes nothing. What was sorted since the backup is then taken from results and folders, so
    that no photo is sorted twice and none is missing in the history. The page takes back accounts
    and keys that it does not know, unless somebody was removed since the backup.

    \b
    Example:
      nightsort backup --list
      nightsort restore /var/lib/nightsort/backups/nightsort-2026-11-22T031500Z-schema1.db
    """  # noqa: D301
    from config.logs import configure
    from daemon.domain.clock import SystemClock, local_zone
    from daemon.folders.locks import InUse, hold
    from daemon.maintenance.restore import restore as put_in_place
    from daemon.service.app import build_orders

    settings = load(config_file)
    _require_there(file)
    configure(service=False)
    clock = SystemClock(settings.window.zone() or local_zone())
    try:
        with hold(settings.state_dir):
            done = put_in_place(settings.state_dir, file, clock.now(), anyway=anyway)
    except InUse as exc:
        raise RefusedError(
            f"{plain(str(settings.state_dir))}: nightsort is running and would go on with the old "
            "database; stop it first: systemctl stop nightsort"
        ) from exc
    click.echo(
        f"Restored: photos: {done.contents.photos:,}, runs: {done.contents.runs:,}.", err=True
    )
    _show_people(done.contents, _TAKES_BACK)
    if done.set_aside is not None:
        click.echo(f"The database so far is kept as {plain(str(done.set_aside))}", err=True)
    try:
        with build_orders(settings, clock):
            click.echo("It agrees with results and folders again.", err=True)
    except NightsortError as exc:
        click.echo(f"nightsort: {plain(str(exc))}", err=True)
        click.echo(
            "What was sorted since the backup will be taken from the folders at the next start.",
            err=True,
        )


def _require_there(file: Path) -> None:
    try:
        with suppress(PermissionError, NotADirectoryError):  # whoever reads it says so
            file.lstat()
    except FileNotFoundError:
        name = plain(str(file))
        raise NamedWrongly(f"{name}: there is no such file; see: nightsort backup --list") from None


def _show_people(contents: Contents, more: str) -> None:
    if contents.accounts or contents.keys:
        said = f"Accounts of the page: {contents.accounts:,}, keys: {contents.keys:,}"
        click.echo(f"{said}{more}.", err=True)


def _copy_versions(state_dir: Path) -> None:
    """What was learnt since the daemon looked, or without one, goes into the backup, too."""
    from contextlib import closing

    from daemon.sorting.version_copies import copy_versions
    from daemon.sorting.versions import Versions
    from daemon.store import DATABASE, Store

    if (state_dir / DATABASE).exists() and Versions(state_dir).names():
        with closing(Store(state_dir)) as store:
            copy_versions(store, Versions(state_dir))


def _show_all(backups: Backups, *, as_json: bool) -> None:
    found = backups.listed()
    if as_json:
        document = [{"file": str(one.path), "made": one.made_at.isoformat()} for one in found]
        print_json({"backups": document})
    elif found:
        for one in found:
            click.echo(f"{one.made_at.astimezone():%Y-%m-%d %H:%M}  {plain(str(one.path))}")
    else:
        click.echo(f"There is no backup in {plain(str(backups.folder))} yet.", err=True)
