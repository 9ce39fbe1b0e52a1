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
    from datetime import datetime

    from config.settings import Settings
    from daemon.domain.clock import Clock
    from daemon.maintenance.backups import Backups
    from daemon.maintenance.restore import Restored
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
    from daemon.domain.clock import SystemClock
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
    made = backups.make(SystemClock.of(settings).now(), to)
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
@click.argument("file", type=click.Path(path_type=Path, readable=False), required=False)
@click.option(
    "--from-mirror",
    is_flag=True,
    help="Take the newest backup in the bucket of [mirror], and bring back files that are missing.",
)
@click.option(
    "--anyway", is_flag=True, help="Also take a backup of another nightsort, for a new machine."
)
@click.pass_obj
def restore(config_file: Path | None, file: Path | None, from_mirror: bool, anyway: bool) -> None:
    """Put a backup in the place of the present database, which is kept beside it.

    The daemon must be stopped. FILE is checked first; one that is damaged or of something else
    changes nothing. What was sorted since the backup is then taken from results and folders, so
    that no photo is sorted twice and none is missing in the history. The page takes back accounts
    and keys that it does not know, unless somebody was removed since the backup.

    With --from-mirror a lost box is made again of what lies in the bucket: backup and versions,
    results, and photos where they were, as far as they were copied (without metadata, unless
    [mirror] strip_metadata is false); what is there already stays.
    Folders are adopted as at a first start: mount shares first. Broken off, it goes on when asked
    for again; until it is through nothing else begins, the daemon neither.

    \b
    Example:
      nightsort backup --list
      nightsort restore --from-mirror
      nightsort restore /var/lib/nightsort/backups/nightsort-2026-11-22T031500Z-schema1.db
    """  # noqa: D301
    from config.logs import configure
    from daemon.domain.clock import SystemClock
    from daemon.folders.locks import InUse, hold
    from daemon.maintenance.restore import restore as put_in_place
    from daemon.service.app import build_orders

    if from_mirror == (file is not None):
        raise click.UsageError("name a backup, or --from-mirror")
    settings = load(config_file)
    if file is not None:
        _require_there(file)
    configure(service=False)
    clock = SystemClock.of(settings)
    try:
        with hold(settings.state_dir):
            if file is None:
                done = _memory_from_mirror(settings, clock.now(), anyway=anyway)
            else:
                done = put_in_place(settings.state_dir, file, clock.now(), anyway=anyway)
    except InUse as exc:
        raise RefusedError(
            f"{plain(str(settings.state_dir))}: nightsort is running and would go on with the old "
            "database; stop it first: systemctl stop nightsort"
        ) from exc
    if done is not None:
        _show_restored(done)
    if from_mirror:
        _files_from_mirror(settings, clock)
    else:
        _show_forgotten(settings)
    try:
        with build_orders(settings, clock):
            click.echo("It agrees with results and folders again.", err=True)
        _show_untrusted(settings)
    except NightsortError as exc:
        click.echo(f"nightsort: {plain(str(exc))}", err=True)
        click.echo(
            "What was sorted since the backup will be taken from the folders at the next start.",
            err=True,
        )


def _memory_from_mirror(settings: Settings, now: datetime, *, anyway: bool) -> Restored | None:
    from daemon.mirror.bucket.client import connect
    from daemon.mirror.bucket.rescue import bring_memory

    if not settings.mirror.has_bucket:
        raise RefusedError("there is no bucket to restore from; set [mirror] station and bucket")
    return bring_memory(settings, connect(settings.mirror), now, anyway=anyway)


def _files_from_mirror(settings: Settings, clock: Clock) -> None:
    from daemon.cli.progress import progress
    from daemon.mirror.bucket.client import connect
    from daemon.mirror.bucket.fetching import Fate
    from daemon.mirror.bucket.rescue import bring_files
    from daemon.service.state import adopted

    with adopted(settings, clock) as store, progress("bringing back") as advance:
        fates = bring_files(settings, connect(settings.mirror), store, advance)
    said = ", ".join(f"{fate.value}: {fates[fate]:,}" for fate in Fate if fates[fate])
    click.echo(f"Results and photos {said or 'there are none'}.", err=True)
    if fates[Fate.STRIPPED]:
        click.echo(
            f"Of {fates[Fate.STRIPPED]:,} photos the copies were without metadata ([mirror] "
            "strip_metadata): their pixels are as they were, their bytes are not.",
            err=True,
        )


def _show_restored(done: Restored) -> None:
    click.echo(
        f"Restored: photos: {done.contents.photos:,}, runs: {done.contents.runs:,}.", err=True
    )
    _show_people(done.contents, _TAKES_BACK)
    if done.set_aside is not None:
        click.echo(f"The database so far is kept as {plain(str(done.set_aside))}", err=True)


def _show_forgotten(settings: Settings) -> None:
    """Tell that what was forgotten since the backup is not known, where it is not."""
    from daemon.folders.forgotten import FILE

    if (settings.state_dir / FILE).exists():
        return
    otherwise = "what was forgotten since is here again"
    if settings.mirror.has_bucket:
        otherwise += ", until the service has taken in the list that is in the bucket"
    click.echo(
        f"No photo was forgotten on this machine: {FILE} is not there. Where the backup is of "
        f"another one, copy {FILE} from its state_dir into {plain(str(settings.state_dir))}, "
        f"and restore again; otherwise {otherwise}.",
        err=True,
    )


def _show_untrusted(settings: Settings) -> None:
    """Tell of learnt versions that did not come back whole, and what judges without them."""
    from classifier.bundle import load_bundle
    from daemon.sorting.versions import untrusted, version_usable

    bundle = load_bundle(settings.model_dir)
    found = untrusted(settings, bundle)
    for name, why in found.items():
        click.echo(f"What was learnt did not all come back: {plain(name)}: {plain(why)}", err=True)
    if found:
        judge = version_usable(settings, bundle)
        title = bundle.card.title if judge is None else judge.title
        click.echo(f"{plain(title)} judges; see: nightsort models list", err=True)


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
