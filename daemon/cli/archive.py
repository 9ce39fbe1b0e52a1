"""The command `archive`: verdicts of photos that were there before nightsort.

Like `daemon.cli.main`, which names it, it parses, calls and prints.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from config.errors import RefusedError
from config.readable import plain
from daemon.cli.common import any_path, json_option, load, print_json
from daemon.cli.progress import progress

if TYPE_CHECKING:
    from classifier.archive.manifest import Manifest
    from classifier.archive.totals import Totals
    from classifier.archive.worker import Job
    from config.settings import Settings

_SUMMARY = "summary.html"


class _Options(TypedDict):
    """As they are given."""

    out: Path
    workers: int | None
    scheduler: str | None
    file_into: Path | None
    move: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be judged, and where to."""

    named: list[str]
    out: Path
    file_into: Path | None
    are_moved: bool


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(readable=False))
@click.option("--out", type=any_path, required=True, help="Folder for Parquet and summary.")
@click.option("--workers", type=click.IntRange(1), help="Processes here. Default: one a core.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler instead, with its workers.")
@click.option("--file-into", type=any_path, help="Also copy photos into <category>/ under this.")
@click.option("--move", is_flag=True, help="With --file-into: move them there.")
@json_option
@click.pass_obj
def archive(config_file: Path | None, paths: tuple[str, ...], **options: Unpack[_Options]) -> None:
    """Judge photos that were there before, however many: a row for each, as Parquet in a folder.

    Photos are named as files, folders, or s3://BUCKET/PREFIX. Nothing of them is changed, unless
    --move is given. Whatever dies, each photo has one row in the end, and is in one place: call the
    same again, and it goes on where it was; finished, it ends at once. Needs Dask and pyarrow,
    which are an extra; docs/archive.md says more.

    \b
    Example:
      nightsort archive /srv/archive --out verdicts/
      nightsort archive /srv/archive --out verdicts/ --scheduler tcp://10.0.0.5:8786
      nightsort archive 2024/ 2025/ --out verdicts/ --file-into sorted-archive/
      nightsort archive s3://photos/2024 --out verdicts/
    """  # noqa: D301
    workers, scheduler, out = options["workers"], options["scheduler"], options["out"]
    if scheduler is not None and workers is not None:
        raise click.UsageError("--workers starts some here, --scheduler uses others: give one")
    if options["move"] and options["file_into"] is None:
        raise click.UsageError("--move moves into the folder of --file-into: name it")
    _require_extra()
    from classifier.archive.manifest import held
    from classifier.archive.totals import totals_of

    settings = load(config_file)
    asked = _Asked([*map(_as_named, paths)], out, options["file_into"], options["move"])
    _check(settings, asked)
    with held(out):
        manifest = _listed(settings, asked)
        _sweep(manifest)
        before = manifest.photos_done()
        if before < manifest.head.photos:
            _judge(_job(settings, manifest, config_file), manifest, workers, scheduler)
        totals = totals_of(manifest)
        _write_summary(out, manifest, totals, settings.reports.language)
    if options["as_json"]:
        print_json(_json(out, totals, totals.photos - before))
    else:
        _tell(out, totals, totals.photos - before)


def _require_extra() -> None:
    if any(find_spec(name) is None for name in ("distributed", "pyarrow")):
        raise RefusedError(
            "Dask and pyarrow, which archives need, are not installed; "
            f'{sys.executable} -m pip install "dask[distributed]" pyarrow'
        )


def _as_named(path: str) -> str:
    return path if _is_in_bucket(path) else str(Path(path))


def _is_in_bucket(path: str) -> bool:
    from classifier.archive.reading import IN_BUCKET

    return path.startswith(IN_BUCKET)


def _check(settings: Settings, asked: _Asked) -> None:
    """Raise NoArchive, RefusedError where that cannot be done, before anything is made."""
    from classifier.archive.listing import NoArchive, check_they_are_there
    from classifier.archive.manifest import (
        check_output_is_apart,
        check_they_are_apart,
        is_listed,
    )

    named, into = asked.named, asked.file_into
    if not is_listed(asked.out):  # else they may have been moved since
        check_they_are_there([path for path in named if not _is_in_bucket(path)])
    check_they_are_apart(named)
    check_output_is_apart(named, str(asked.out), None if into is None else str(into))
    for path in filter(_is_in_bucket, named):
        from daemon.mirror.bucket.archived import bucket_of

        if asked.are_moved:
            raise NoArchive(f"{plain(path)}: photos in buckets are copied, not moved; omit --move")
        bucket_of(settings, path)


def _photos(settings: Settings, named: list[str]) -> Iterator[str]:
    from classifier.archive.listing import photos_under
    from daemon.intake.screening import Screening

    screening = Screening(settings.intake.ignore)
    for path in named:
        if _is_in_bucket(path):
            from daemon.mirror.bucket.archived import bucket_of, photos_in

            bucket = bucket_of(settings, path)
            yield from photos_in(
                bucket, path, is_photo=screening.is_photo, is_junk=screening.is_junk
            )
        else:
            yield from photos_under([path], is_photo=screening.is_photo, is_junk=screening.is_junk)


def _listed(settings: Settings, asked: _Asked) -> Manifest:
    from classifier.archive.manifest import made_or_read

    photos = _photos(settings, asked.named)
    with progress("listing") as advance:

        def counted() -> Iterator[str]:
            for number, path in enumerate(photos, start=1):
                advance(number, 0)
                yield path

        into = None if asked.file_into is None else os.path.abspath(asked.file_into)  # noqa: PTH100
        return made_or_read(asked.out, asked.named, counted(), into, are_moved=asked.are_moved)


def _sweep(manifest: Manifest) -> None:
    """Remove what those left that died."""
    from classifier.archive.filing import Filing, sweep

    manifest.sweep()
    if manifest.head.filed_into is not None:
        sweep(Filing(manifest.head.filed_into))


def _judge(job: Job, manifest: Manifest, workers: int | None, scheduler: str | None) -> None:
    from classifier.archive.filing import Filing
    from classifier.archive.running import OURS, cluster, nothing_more, run
    from daemon.folders.machine import usable_cores
    from daemon.sorting.archive_moves import ArchiveMover

    into, conclude = manifest.head.filed_into, None
    if job.is_moving and into is not None:
        conclude = ArchiveMover(manifest, Filing(into)).conclude
    with cluster(workers or usable_cores(), scheduler) as found, progress("judging") as advance:
        run(found, job, manifest, advance, OURS, conclude or nothing_more)


def _job(settings: Settings, manifest: Manifest, config_file: Path | None) -> Job:
    """Raises ModelError where the model cannot be trusted, before any worker is started."""
    from classifier.archive.filing import Filing
    from classifier.archive.worker import Job
    from config.place import settings_file
    from daemon.folders.photo_files import Limits
    from daemon.mirror.bucket.archived import BucketPhotos
    from daemon.sorting.versions import Versions, load_classifier

    load_classifier(settings)
    into, are_moved = manifest.head.filed_into, manifest.head.are_moved
    used = settings_file(config_file)
    version = Versions(settings.state_dir).file_in_use()
    limits = Limits.from_settings(settings.intake)
    return Job(
        out=str(manifest.out.absolute()),
        folder=manifest.head.folder,
        model=None if settings.model_dir is None else str(settings.model_dir.absolute()),
        version=None if version is None else str(version.absolute()),
        auto=settings.bands.auto,
        review=settings.bands.review,
        max_file_bytes=limits.max_file_bytes,
        max_megapixels=limits.max_megapixels,
        filing=None if into is None or are_moved else Filing(into),
        is_moving=are_moved,
        bucket=BucketPhotos(None if used is None else str(used.absolute())),
    )


def _write_summary(out: Path, manifest: Manifest, totals: Totals, language: str) -> None:
    from daemon.domain.speech import speech
    from daemon.folders.writing import replacing
    from daemon.reporting.archive_page import write_archive_page

    with replacing(out / _SUMMARY) as file:
        write_archive_page(file, manifest.head.paths, totals, speech(language))


def _json(out: Path, totals: Totals, new: int) -> dict[str, object]:
    return {
        "out": str(out),
        "photos": totals.photos,
        "judged_now": new,
        "categories": dict(totals.categories.most_common()),
        "bands": dict(totals.bands.most_common()),
        "reasons": dict(totals.reasons.most_common()),
        "errors": dict(totals.errors.most_common()),
        "versions": dict(totals.versions.most_common()),
    }


def _tell(out: Path, totals: Totals, new: int) -> None:
    before = f", {totals.photos - new} of them before" if new < totals.photos else ""
    click.echo(f"{totals.photos} photos{before}: {plain(str(out))}/part-*.parquet")
    for name, photos in totals.categories.most_common():
        click.echo(plain(f"  {name}: {photos}"))
    for code, photos in totals.errors.most_common():
        click.echo(plain(f"  {code}: {photos}"))
    click.echo(f"Summary: {plain(str(out))}/{_SUMMARY}")
