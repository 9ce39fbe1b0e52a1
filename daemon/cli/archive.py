"""The command `archive`: verdicts of photos that were there before nightsort.

Like `daemon.cli.main`, which names it, it parses, calls and prints.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

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


@click.command()
@click.argument("paths", nargs=-1, required=True, type=any_path)
@click.option("--out", type=any_path, required=True, help="Folder for Parquet and summary.")
@click.option("--workers", type=click.IntRange(1), help="Processes here. Default: one a core.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler instead, with its workers.")
@click.option("--file-into", type=any_path, help="Also copy photos into <category>/ under this.")
@json_option
@click.pass_obj
def archive(
    config_file: Path | None,
    paths: tuple[Path, ...],
    out: Path,
    workers: int | None,
    scheduler: str | None,
    file_into: Path | None,
    as_json: bool,
) -> None:
    """Judge photos that were there before, however many: a row for each, as Parquet in a folder.

    Photos are named as files or folders. Nothing of them is changed. Whatever dies, each photo has
    one row in the end: call the same again, and it goes on where it was; finished, it ends at once.
    Needs Dask and pyarrow, which are an extra; docs/archive.md says more.

    \b
    Example:
      nightsort archive /srv/archive --out verdicts/
      nightsort archive /srv/archive --out verdicts/ --scheduler tcp://10.0.0.5:8786
      nightsort archive 2024/ 2025/ --out verdicts/ --file-into sorted-archive/
    """  # noqa: D301
    if scheduler is not None and workers is not None:
        raise click.UsageError("--workers starts some here, --scheduler uses others: give one")
    _require_extra()
    from classifier.archive.manifest import check_output_is_apart, check_they_are_apart, held
    from classifier.archive.totals import totals_of

    settings = load(config_file)
    named = [str(path) for path in paths]
    check_they_are_apart(named)
    check_output_is_apart(named, str(out), None if file_into is None else str(file_into))
    with held(out):
        manifest = _listed(settings, paths, out, file_into)
        before = manifest.photos_done()
        if before < manifest.head.photos:
            _judge(settings, manifest, workers, scheduler)
        totals = totals_of(manifest)
        _write_summary(out, manifest, totals, settings.reports.language)
    if as_json:
        print_json(_json(out, totals, totals.photos - before))
    else:
        _tell(out, totals, totals.photos - before)


def _require_extra() -> None:
    if any(find_spec(name) is None for name in ("distributed", "pyarrow")):
        raise RefusedError(
            "Dask and pyarrow, which archives need, are not installed; "
            f'{sys.executable} -m pip install "dask[distributed]" pyarrow'
        )


def _listed(
    settings: Settings, paths: tuple[Path, ...], out: Path, file_into: Path | None
) -> Manifest:
    from classifier.archive.listing import NoArchive, photos_under
    from classifier.archive.manifest import made_or_read
    from daemon.intake.screening import Screening

    screening = Screening(settings.intake.ignore)
    named = [str(path) for path in paths]
    photos = photos_under(named, is_photo=screening.is_photo, is_junk=screening.is_junk)
    with progress("listing") as advance:

        def counted() -> Iterator[str]:
            for number, path in enumerate(photos, start=1):
                advance(number, 0)
                yield path

        into = None if file_into is None else os.path.abspath(file_into)  # noqa: PTH100
        manifest = made_or_read(out, named, counted(), into)
    if not manifest.head.photos:
        shown = plain(", ".join(named))
        raise NoArchive(f"{shown}: no photos there; name a folder that holds some")
    return manifest


def _judge(
    settings: Settings,
    manifest: Manifest,
    workers: int | None,
    scheduler: str | None,
) -> None:
    from classifier.archive.running import cluster, run
    from daemon.folders.machine import usable_cores

    job = _job(settings, manifest)
    with cluster(workers or usable_cores(), scheduler) as found, progress("judging") as advance:
        run(found, job, manifest, advance)


def _job(settings: Settings, manifest: Manifest) -> Job:
    """Raises ModelError where the model cannot be trusted, before any worker is started."""
    from classifier.archive.filing import Filing
    from classifier.archive.worker import Job
    from daemon.folders.photo_files import Limits
    from daemon.sorting.versions import Versions, load_classifier

    load_classifier(settings)
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
        filing=None if manifest.head.filed_into is None else Filing(manifest.head.filed_into),
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
