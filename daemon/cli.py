"""The command line: parses, calls, prints, exits. What is decided, is decided elsewhere.

stdout carries what was asked for (and the log of `run`); everything else for people is on stderr.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from config.errors import ConfigError, ModelError, NightsortError
from config.settings import Settings, load

if TYPE_CHECKING:
    from classifier.classifier import Classifier
    from daemon.looking import Look

EXIT_FAILED, EXIT_WRONG_USE, EXIT_DO_NOT_RESTART = 1, 2, 78

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("nightsort"), message="nightsort %(version)s")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file. Default: $NIGHTSORT_CONFIG, else /etc/nightsort/nightsort.toml.",
)
@click.pass_context
def cli(context: click.Context, config_file: Path | None) -> None:
    """Sort product photos into category folders while the warehouse sleeps."""
    context.obj = config_file


@cli.command()
@click.pass_obj
def run(config_file: Path | None) -> None:
    """Run the daemon in the foreground, until Ctrl-C or SIGTERM.

    Example: nightsort --config /etc/nightsort/nightsort.toml run
    """
    from config.logs import configure
    from daemon.clock import SystemClock
    from daemon.service import build

    settings = _writable_settings(config_file)
    configure(service=True)
    with build(settings, SystemClock(settings.window.zone())) as service:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        service.run()


@cli.command()
@json_option
@click.pass_obj
def now(config_file: Path | None, as_json: bool) -> None:
    """Drain the queue now, with what lies in incoming.

    Example: nightsort now --json | jq .successful
    """
    from config.logs import configure
    from daemon.clock import SystemClock
    from daemon.service import build

    settings = _writable_settings(config_file)
    configure(service=False)
    with build(settings, SystemClock(settings.window.zone())) as service:
        signal.signal(signal.SIGTERM, lambda *_: service.stop())
        signal.signal(signal.SIGINT, lambda *_: service.stop())
        summary = service.run_once()
    if as_json:
        _print_json(summary)
    else:
        click.echo(_in_words(summary), err=True)


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def classify(config_file: Path | None, paths: tuple[Path, ...], as_json: bool) -> None:
    """Say what photos show, or all photos under folders. Moves nothing.

    Example: nightsort classify photo.jpg returns/ --json
    """
    from daemon.looking import look_at, photos_under

    settings = load(config_file)
    photos = photos_under(paths)
    classifier = _classifier(settings)
    failed = False
    for look in look_at(photos, classifier, **_pace(settings, len(photos))):
        failed |= look.verdict is None
        if as_json:
            click.echo(json.dumps(_look_json(look, classifier.bundle.card.title)))
        elif look.verdict is None:
            click.echo(f"{look.path}: {look.problem_text}", err=True)
        else:
            click.echo(_look_words(look))
    if failed:
        sys.exit(EXIT_FAILED)


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def evaluate(config_file: Path | None, folder: Path, as_json: bool) -> None:
    """Measure how right the model is on FOLDER/<category>/*.jpg.

    Example: nightsort evaluate labelled/ --json | jq .accuracy
    """
    from classifier.evaluation import evaluate as measure
    from daemon.looking import NoPhotos, labelled_photos, look_at

    settings = load(config_file)
    labelled = labelled_photos(folder)
    classifier = _classifier(settings)
    truth_of = {path: category for category, path in labelled}
    began = time.perf_counter()
    looks = list(look_at(list(truth_of), classifier, **_pace(settings, len(labelled))))
    seconds = time.perf_counter() - began
    for look in looks:
        if look.verdict is None:
            click.echo(f"{look.path}: left out: {look.problem_text}", err=True)
    judged = [(truth_of[look.path], look.verdict) for look in looks if look.verdict is not None]
    if not judged:
        raise NoPhotos(f"{folder}: not one photo could be read; look at the files")
    truth, verdicts = zip(*judged, strict=True)
    evaluation = measure(truth, verdicts, classifier.categories, seconds)
    if as_json:
        _print_json(evaluation.as_json())
    else:
        from daemon.tables import evaluation_table

        click.echo(evaluation_table(evaluation))


def main() -> NoReturn:
    """The `nightsort` command: every error is one line on stderr and an exit code."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted", 130)
    except click.UsageError as exc:
        _fail(f"{exc.format_message()}; see {_command_path(exc)} --help", EXIT_WRONG_USE)
    except click.ClickException as exc:
        _fail(exc.format_message(), exc.exit_code)
    except NightsortError as exc:
        _fail(str(exc), _exit_code(exc))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read us went away
        sys.exit(EXIT_FAILED)
    sys.exit(0)


def _exit_code(error: NightsortError) -> int:
    from daemon.looking import NoPhotos

    if isinstance(error, ConfigError | ModelError) and "run" in sys.argv[1:]:
        return EXIT_DO_NOT_RESTART
    return EXIT_WRONG_USE if isinstance(error, ConfigError | NoPhotos) else EXIT_FAILED


def _fail(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        click.echo(f"nightsort: {line}", err=True)
    sys.exit(code)


def _command_path(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx else "nightsort"


def _writable_settings(config_file: Path | None) -> Settings:
    """Settings for a command that writes: the state folder must be ours."""
    from daemon.lock import prepare

    settings = load(config_file)
    prepare(settings.state_dir)
    return settings


def _classifier(settings: Settings) -> Classifier:
    from classifier.classifier import Classifier

    return Classifier.load(
        settings.model_dir, auto=settings.bands.auto, review=settings.bands.review
    )


def _pace(settings: Settings, photos: int) -> dict[str, Any]:
    from daemon.service import limits, worker_count

    workers = min(worker_count(settings), photos)
    return {"limits": limits(settings), "batch_size": settings.batch.size, "workers": workers}


def _print_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _look_json(look: Look, model: str) -> dict[str, Any]:
    verdict = look.verdict
    if verdict is None:
        judged: dict[str, Any] = {
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
    from daemon.store import printable

    return {"path": printable(str(look.path)), **judged, "model": model}


def _look_words(look: Look) -> str:
    verdict = look.verdict
    assert verdict is not None
    said = f"{look.path}: {verdict.category}, {verdict.confidence:.0%}"
    if verdict.reason_text:
        return f"{said}; a person should look: {verdict.reason_text}"
    return said if verdict.band == "auto" else f"{said}; worth a quick look"


def _in_words(summary: dict[str, Any]) -> str:
    if summary["run"] is None:
        waiting = f"; {summary['deferred']} still wait" if summary["deferred"] else ""
        return f"Nothing to do{waiting}."
    parts = [
        f"{summary['successful']} filed",
        f"{summary['review']} to review",
        f"{summary['duplicates']} duplicates",
        f"{summary['failed']} in quarantine",
        f"{summary['deferred']} still wait",
    ]
    return f"Run {summary['run']}: {', '.join(parts)}."


if __name__ == "__main__":
    main()
