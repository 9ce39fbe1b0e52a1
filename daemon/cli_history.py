"""The commands of the morning after: what was done, and a person's later word on it.

Like `daemon.cli`, which registers them, they parse, call and print. What changes something is an
order: the running daemon carries it out, or this process where there is none.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.readable import plain
from daemon.cli_parts import EXIT_FAILED, json_option, load, print_json

if TYPE_CHECKING:
    from config.settings import Settings

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
    from daemon.history import runs_in_words
    from daemon.store import Store

    settings = load(config_file)
    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    with closing(Store(settings.state_dir, reading=True)) as store:
        runs = store.summaries(since)
        corrected = store.corrected_photos()
    if as_json:
        print_json({"runs": runs})
    else:
        click.echo(runs_in_words(runs, corrected))


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
    from daemon.clock import local_zone
    from daemon.history import name_within, story_in_words, story_json
    from daemon.records import as_text
    from daemon.store import Store

    settings = load(config_file)
    folders = {"incoming": settings.incoming_dir, "sorted": settings.sorted_dir}
    with closing(Store(settings.state_dir, reading=True)) as store:
        stories = store.stories(name_within(name, folders.values()))
        told = [(story, store.corrections_of(story.id)) for story in stories]
    if as_json:
        print_json({"photos": [story_json(*one) for one in told]})
    elif told:
        zone = settings.window.zone() or local_zone()
        click.echo(
            "\n\n".join(
                story_in_words(
                    *one, lambda folder, path: as_text(str(folders[folder] / path)), zone
                )
                for one in told
            )
        )
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

    PHOTO is its name, its return id, or the path at which it lies. For a photo that waits for a
    decision, the category that was guessed is a word too: it confirms the guess. The results of its
    run stay as they are; history and exports/corrections_<date>.csv tell of it. Photos that
    somebody drags to another category's folder are noticed after the next run.

    \b
    Example:
      nightsort correct return-60521_front.jpg Shirts
      nightsort correct "_review/Tops/return 60644.jpg" Tops
    """  # noqa: D301
    settings = load(config_file)
    _show(settings, _answer(settings, "correct", _named(photo, settings), category), as_json)


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
    settings = load(config_file)
    _show(settings, _answer(settings, "undo", _named(what, settings)), as_json)


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
    answer = _answer(load(config_file), "rebuild", run)
    for file in answer["files"]:
        click.echo(plain(file))


@click.command()
@click.argument("run", metavar="[RUN|latest]", default="")
@click.option("--week", metavar="YYYY-Www", help="A report of this week, such as 2026-W47.")
@click.option("--from", "first", type=_DAY, metavar="DAY", help="First day of the period.")
@click.option("--to", "last", type=_DAY, metavar="DAY", help="Last day of the period.")
@click.pass_obj
def report(
    config_file: Path | None,
    run: str,
    week: str | None,
    first: datetime | None,
    last: datetime | None,
) -> None:
    """Write all that people read of a run again, with what was corrected since; or a period.

    Of a run (or none: the newest) that is its page, its workbook, its pick lists and its inventory.
    A period has a page with totals, days, categories, failures and corrections; each week has one
    by itself, unless [reports] weekly is false. A day is written as 2026-11-16.

    \b
    Example:
      nightsort report
      nightsort report 20251013_020000
      nightsort report --week 2026-W47
      nightsort report --from 2026-11-01 --to 2026-11-15
    """  # noqa: D301
    settings = load(config_file)
    period = _period(week, first, last)
    if period is None:
        answer = _answer(settings, "report", run or "latest")
    elif run:
        raise click.UsageError("a run or a period, not both")
    else:
        answer = _answer(settings, "period", *map(str, period))
    for file in answer["files"]:
        click.echo(plain(file))


def _period(
    week: str | None, first: datetime | None, last: datetime | None
) -> tuple[date, date] | None:
    """The first and the last day that were asked for; None when a run was."""
    from daemon.reporting.periods import Period

    if week is None and first is None and last is None:
        return None
    try:
        if week is not None and first is None and last is None:
            period = Period.week(week)
        elif week is None and first is not None and last is not None:
            period = Period.asked_for(first.date(), last.date())
        else:
            raise click.UsageError("give --week, or --from and --to")
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    return period.first, period.last


COMMANDS = (history, find, correct, undo, report, results)


def _answer(settings: Settings, what: str, *words: str) -> dict[str, Any]:
    """Have an order carried out, by the daemon or here."""
    from daemon.lock import is_held, user_name

    if is_held(settings.state_dir):
        from daemon.control import give_order

        return give_order(settings.state_dir, what, words)
    from config.logs import configure
    from daemon.assembly import build_clerk
    from daemon.clock import SystemClock, local_zone
    from daemon.records import Order

    configure(service=False)
    clock = SystemClock(settings.window.zone() or local_zone())
    with build_clerk(settings, clock) as clerk:
        return clerk.carry_out(Order(what, words, user_name(os.getuid())))


def _named(photo: str, settings: Settings) -> str:
    from daemon.history import name_within

    return name_within(photo, (settings.incoming_dir, settings.sorted_dir))


def _show(settings: Settings, answer: dict[str, Any], as_json: bool) -> None:
    """Print what was done and what was left; exit 1 when something was left and nothing done."""
    if as_json:
        print_json(answer)
    else:
        for one in answer["done"]:
            root = settings.sorted_dir if one["category"] else settings.incoming_dir
            place = plain(str(root / one["to"]))
            if one["category"] and one["from"] == one["to"]:
                click.echo(f"{place}: {plain(one['category'])} is confirmed")
            else:
                click.echo(f"{plain(one['from'])} → {place}")
        for one in answer["left"]:
            click.echo(f"nightsort: {plain(one['filename'])}: {plain(one['why'])}", err=True)
        if not answer["done"] and not answer["left"]:
            click.echo("Nothing is left to undo.", err=True)
    if answer["left"] and not answer["done"]:
        sys.exit(EXIT_FAILED)
