"""The commands about what photos show: classify and evaluate. They move nothing.

Like `daemon.cli.main`, which names them, they parse, call and print.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.readable import plain
from daemon.cli.common import (
    EXIT_FAILED,
    any_path,
    check_it_can_be_a_page,
    json_option,
    load,
    print_json,
)
from daemon.cli.progress import progress

if TYPE_CHECKING:
    from classifier.classifier import Classifier
    from config.settings import Settings
    from daemon.sorting.offline import Look

# Nothing is committed for a batch here: small ones, so that all cores end at the same time.
_LOOKS_AT_ONCE = 4


@click.command()
@click.argument("paths", nargs=-1, required=True, type=any_path)
@json_option
@click.pass_obj
def classify(config_file: Path | None, paths: tuple[Path, ...], as_json: bool) -> None:
    """Say what photos show, or all photos under folders. Moves nothing.

    With --json it is one JSON object a line. Exits 1 when a photo could not be read; the others
    are judged all the same.

    \b
    Example:
      nightsort classify photo.jpg
      nightsort classify returns/ --json | jq -r 'select(.band == "review") | .path'
    """  # noqa: D301
    from daemon.sorting.offline import photos_under, shown

    settings = load(config_file)
    photos = photos_under(paths, settings.intake.ignore)
    classifier = _classifier(settings)
    failed = False
    # On a terminal the verdicts themselves show how far it is.
    for look in _looks(photos, classifier, settings, bar=not sys.stdout.isatty()):
        failed |= look.verdict is None
        if as_json:
            click.echo(json.dumps(_look_json(look, classifier.title)))
        elif look.verdict is None:
            sys.stderr.write(f"{shown(look.path)}: {look.problem_text}\n")
        else:
            click.echo(_look_words(look))
    if failed:
        sys.exit(EXIT_FAILED)


@click.command()
@click.argument("folder", type=any_path)
@json_option
@click.option("--report", type=any_path, help="Also write a page with pictures of the mistakes.")
@click.pass_obj
def evaluate(config_file: Path | None, folder: Path, as_json: bool, report: Path | None) -> None:
    """Measure how right the model is on FOLDER/<category>/*.jpg.

    Shows accuracy (of the best category, whatever the band), precision, recall and F1 of each
    category, calibration, bands, what moving band auto would do, and what is mixed up with what.
    Moves nothing.

    \b
    Example:
      nightsort evaluate labelled/
      nightsort evaluate labelled/ --report evaluation.html
      nightsort evaluate labelled/ --json | jq .accuracy
    """  # noqa: D301
    from classifier.evaluation import evaluate as measure
    from daemon.sorting.offline import NoPhotos, labelled_photos, shown

    if report is not None:
        check_it_can_be_a_page(report)
    settings = load(config_file)
    labelled = labelled_photos(folder, settings.intake.ignore)
    classifier = _classifier(settings)
    label_of = {path: category for category, path in labelled}
    began = time.perf_counter()
    looks = list(_looks(list(label_of), classifier, settings))
    seconds = time.perf_counter() - began
    for look in looks:
        if look.verdict is None:
            click.echo(f"{shown(look.path)}: left out: {look.problem_text}", err=True)
    judged = [(label_of[look.path], look.verdict) for look in looks if look.verdict is not None]
    if not judged:
        raise NoPhotos(f"{shown(folder)}: not one photo could be read; look at the files")
    truth, verdicts = zip(*judged, strict=True)
    evaluation = measure(truth, verdicts, classifier.categories, seconds)
    if as_json:
        print_json(evaluation.as_json())
    else:
        from daemon.cli.tables import evaluation_table

        click.echo(evaluation_table(evaluation))
    if report is not None:
        from daemon.domain.speech import speech
        from daemon.folders.photo_files import Limits
        from daemon.sorting.offline_evaluation import facts_of, mistakes_among, write_report

        left_out = len(looks) - len(judged)
        model, thresholds = classifier.title, classifier.thresholds
        mistakes = mistakes_among(looks, label_of, Limits.from_settings(settings.intake))
        now, say = datetime.now().astimezone(), speech(settings.reports.language)
        facts = facts_of(folder, left_out, model, thresholds, now, say)
        write_report(report, evaluation, mistakes, facts, say)


def _classifier(settings: Settings) -> Classifier:
    from config.logs import configure
    from daemon.sorting.versions import load_usable

    configure(service=False)  # nothing that a library says may come between the verdicts
    classifier, problem = load_usable(settings)
    if problem:
        click.echo(plain(problem), err=True)
    return classifier


def _looks(
    photos: list[Path], classifier: Classifier, settings: Settings, *, bar: bool = True
) -> Iterator[Look]:
    """Judge photos with all cores. bar: show how far it is."""
    from daemon.folders.machine import usable_cores
    from daemon.folders.photo_files import Limits
    from daemon.sorting.offline import look_at

    looks = look_at(
        photos,
        classifier,
        Limits.from_settings(settings.intake),
        batch_size=min(settings.batch.size, _LOOKS_AT_ONCE),
        workers=min(settings.batch.workers or usable_cores(), len(photos)),
    )
    with progress("looking") if bar else nullcontext(lambda *_: None) as advance:
        for done, look in enumerate(looks, start=1):
            advance(done, len(photos))
            yield look


def _look_json(look: Look, model: str) -> dict[str, object]:
    from daemon.domain.photos import as_text

    verdict = look.verdict
    if verdict is None:
        judged: dict[str, object] = {
            "category": None,
            "confidence": None,
            "band": None,
            "reason": look.problem,
            "reason_text": look.problem_text,
            "alternatives": [],
        }
    else:
        judged = {
            "category": verdict.category,
            "confidence": round(verdict.confidence, 4),
            "band": verdict.band,
            "reason": verdict.reason,
            "reason_text": verdict.reason_text,
            "alternatives": [
                {"category": a.category, "confidence": round(a.confidence, 4)}
                for a in verdict.alternatives
            ],
        }
    return {"path": as_text(str(look.path)), **judged, "model": model}


def _look_words(look: Look) -> str:
    from config.units import certainty
    from daemon.sorting.offline import shown

    verdict = look.verdict
    assert verdict is not None
    said = f"{shown(look.path)}: {verdict.category}, {certainty(verdict.confidence)}"
    if verdict.reason_text:
        return f"{said}; a person should look: {verdict.reason_text}"
    return said if verdict.band == "auto" else f"{said}; worth a quick look"
