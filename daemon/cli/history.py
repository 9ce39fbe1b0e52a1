"""The commands of the morning after: what was done, and a person's later word on it.

Like `daemon.cli.main`, which names them, they parse, call and print. What changes something
is an order: the running daemon carries it out, or this process where there is none.
"""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import RefusedError
from config.readable import plain
from daemon.cli.common import EXIT_FAILED, json_option, load, print_json

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.domain.order import A, Order
    from daemon.domain.orders import PhotosAnswer

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 36500), help="Only runs that began in the last DAYS days."
)
@json_option
@click.pass_obj
def history(config_file: Path | None, days: int | None, as_json: bool) -> None:
    """List the runs, newest first: what became of their photos, and how many people corrected.

    \b
    Example:
      nightsort history
      nightsort history --days 30 --json | jq '.runs[].success_rate'
    """  # noqa: D301
    from daemon.cli.tables import runs_table
    from daemon.store import Store

    settings = load(config_file)
    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    with closing(Store(settings.state_dir, reading=True)) as store:
        runs = store.runs.summaries(since)
        corrected = store.corrections.corrected_photos()
    if as_json:
        print_json({"runs": runs})
    else:
        click.echo(runs_table(runs, corrected) if runs else "No runs in that time.")


@click.command()
@click.argument("name", metavar="NAME_OR_RETURN_ID")
@json_option
@click.pass_obj
def find(config_file: Path | None, name: str, as_json: bool) -> None:
    """Say all there is to know of a photo: when it came, its verdict, where it is now.

    By the name under which it was dropped, by its return id, by a path at which it lies or ever
    lay, or by its number in the log, such as "#7".

    \b
    Example:
      nightsort find return-60521_front.jpg
      nightsort find 60521 --json | jq '.photos[].path_now'
    """  # noqa: D301
    from daemon.domain.clock import zone_of
    from daemon.domain.photos import as_text
    from daemon.health.status_file import left_alone_words, read
    from daemon.reporting.history import name_within, story_in_words, story_json
    from daemon.store import Store

    settings = load(config_file)
    folders = {"incoming": settings.incoming_dir, "sorted": settings.sorted_dir}
    with closing(Store(settings.state_dir, reading=True)) as store:
        stories = store.history.stories(name_within(name, folders.values()))
        told = [
            (story, store.corrections.of(story.id), store.returns.of_photo(story.id))
            for story in stories
        ]
    if as_json:
        print_json({"photos": [story_json(*one) for one in told]})
    elif told:
        zone = zone_of(settings)

        def full(folder: str, path: str) -> str:
            return as_text(str(folders[folder] / path))

        words = (story_in_words(story, said, full, zone, photos) for story, said, photos in told)
        click.echo("\n\n".join(words))
    elif (text := left_alone_words(name, read(settings.state_dir)[0])) is not None:
        click.echo(f"nightsort: {plain(text)}", err=True)
    else:
        click.echo(f"nightsort: {plain(name)}: no photo of that name or return id", err=True)
    if not told:
        sys.exit(EXIT_FAILED)


@click.command()
@click.argument("photo", metavar="PHOTO")
@click.argument("category", metavar="CATEGORY")
@json_option
@click.pass_obj
def correct(config_file: Path | None, photo: str, category: str, as_json: bool) -> None:
    """Move a photo to another category, and remember who said so.

    PHOTO is its name, its return id, or the path at which it lies. The category that was guessed is
    a word too, for a photo that waits for a decision and for a spot check: it says that the guess
    is right. The results of its run stay as they are; history and exports/corrections_<date>.csv
    tell of it. Photos that somebody drags to another category's folder are noticed after the next
    run.

    \b
    Example:
      nightsort correct return-60521_front.jpg Shirts
      nightsort correct "_review/Tops/return 60644.jpg" Tops
    """  # noqa: D301
    from daemon.domain.orders import Correct

    settings = load(config_file)
    order = Correct((named_in(photo, settings),), category)
    _show(settings, answer_to(settings, order), as_json)


@click.command()
@click.argument("what", metavar="PHOTO|RUN")
@json_option
@click.pass_obj
def undo(config_file: Path | None, what: str, as_json: bool) -> None:
    """Put a photo, or all photos of a run, back where they came from.

    They are left alone there until somebody renames, moves or rewrites them: then they are new.
    The results of the run stay as they are.

    \b
    Example:
      nightsort undo return-60521_front.jpg
      nightsort undo 20251013_020000
      nightsort undo latest
    """  # noqa: D301
    from daemon.domain.orders import Undo

    settings = load(config_file)
    order = Undo((named_in(what, settings),))
    _show(settings, answer_to(settings, order), as_json)


@click.group()
def results() -> None:
    """Results files of a run."""


@results.command()
@click.argument("run", metavar="RUN")
@click.pass_obj
def rebuild(config_file: Path | None, run: str) -> None:
    """Write the results files of a run again, from the history alone.

    \b
    Example:
      nightsort results rebuild 20251013_020000
      nightsort results rebuild latest
    """  # noqa: D301
    from daemon.domain.orders import Rebuild

    for file in answer_to(load(config_file), Rebuild(run)).files:
        click.echo(plain(file))


@click.command()
@click.argument("run", metavar="[RUN|latest]", default="")
@click.option("--week", metavar="YYYY-Www", help="A report of this week, such as 2026-W47.")
@click.option("--month", metavar="YYYY-MM", help="A report of this month, such as 2026-11.")
@click.option("--from", "first", type=_DAY, metavar="DAY", help="First day of the period.")
@click.option("--to", "last", type=_DAY, metavar="DAY", help="Last day of the period.")
@click.pass_obj
def report(
    config_file: Path | None,
    run: str,
    week: str | None,
    month: str | None,
    first: datetime | None,
    last: datetime | None,
) -> None:
    """Write all that people read of a run again, with what was corrected since; or a period.

    Of a run (or none: the newest) that is its page, its workbook, pick lists, inventory, returns.
    A period has a page with totals, days, categories, failures and corrections; each week and month
    has one by itself, unless [reports] weekly or monthly is false. A day is written as 2026-11-16.

    \b
    Example:
      nightsort report
      nightsort report 20251013_020000
      nightsort report --week 2026-W47
      nightsort report --month 2026-11
      nightsort report --from 2026-11-01 --to 2026-11-15
    """  # noqa: D301
    from daemon.domain.orders import LATEST, MakePeriodReport, MakeReport

    settings = load(config_file)
    period = _period(week, month, first, last)
    if period is None:
        order: MakeReport | MakePeriodReport = MakeReport(run or LATEST)
    elif run:
        raise click.UsageError("a run or a period, not both")
    else:
        order = MakePeriodReport(*period)
    for file in answer_to(settings, order).files:
        click.echo(plain(file))


def _period(
    week: str | None, month: str | None, first: datetime | None, last: datetime | None
) -> tuple[date, date] | None:
    """The first and the last day that were asked for; None when a run was."""
    from daemon.reporting.periods import Period

    match week, month, first, last:
        case None, None, None, None:
            return None
        case str(), None, None, None:
            asked = partial(Period.week, week)
        case None, str(), None, None:
            asked = partial(Period.month, month)
        case None, None, datetime(), datetime():
            asked = partial(Period.asked_for, first.date(), last.date())
        case _:
            raise click.UsageError("give --week, --month, or --from and --to")
    try:
        period = asked()
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    return period.first, period.last


def answer_to(settings: Settings, order: Order[A]) -> A:
    """Have an order carried out, by the daemon or here."""
    from daemon.folders.locks import is_held

    if is_held(settings.state_dir):
        from daemon.service.control_client import give_order

        return give_order(settings.state_dir, order)
    from config.logs import configure
    from daemon.domain.clock import SystemClock
    from daemon.service.app import build_orders

    configure(service=False)
    clock = SystemClock.of(settings)
    with build_orders(settings, clock) as orders:
        return orders.answer(order)


def named_in(photo: str, settings: Settings) -> str:
    """A photo as people name it, with a whole path as one in its folder."""
    from daemon.reporting.history import name_within

    return name_within(photo, (settings.incoming_dir, settings.sorted_dir))


def _show(settings: Settings, answer: PhotosAnswer, as_json: bool) -> None:
    """Print what was done and what was left; exit 1 when something was left and nothing done."""
    from daemon.domain.orders import Code

    for one in answer.left:
        if one.code in (Code.NOT_FOUND, Code.AMBIGUOUS, Code.STATE):
            raise RefusedError(f"{one.filename}: {one.detail}")
    if as_json:
        print_json(_as_json(answer))
    else:
        _print(settings, answer)
    if answer.left and not answer.done:
        sys.exit(EXIT_FAILED)


def _as_json(answer: PhotosAnswer) -> dict[str, object]:
    return {
        "done": [
            {
                "filename": one.filename,
                "category": one.category,
                "from": one.source,
                "to": one.target,
            }
            for one in answer.done
        ],
        "left": [
            {"filename": one.filename, "code": one.code, "why": one.detail} for one in answer.left
        ],
    }


def _print(settings: Settings, answer: PhotosAnswer) -> None:
    for one in answer.done:
        root = settings.sorted_dir if one.category else settings.incoming_dir
        place = plain(str(root / one.target))
        if one.category and one.source == one.target:
            click.echo(f"{place}: {plain(one.category)} is confirmed")
        else:
            click.echo(f"{plain(one.source)} → {place}")
    for left in answer.left:
        click.echo(f"nightsort: {plain(left.filename)}: {plain(left.detail)}", err=True)
    if not answer.done and not answer.left:
        click.echo("Nothing is left to undo.", err=True)
