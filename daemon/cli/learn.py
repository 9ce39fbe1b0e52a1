"""The commands `learn`, `learn add`, `list` and `remove`: what people say that photos show.

Like `daemon.cli.main`, which registers them, they parse, call and print.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from config.readable import plain
from daemon.cli.common import any_path, json_option, load, print_json

if TYPE_CHECKING:
    from daemon.cli.lessons import School
    from daemon.domain.examples import Counted
    from daemon.sorting.labelled import Labelled
    from daemon.sorting.lesson_photos import Taken

    class Added(TypedDict):
        """What `learn add --json` prints."""

        added: int
        relabelled: int
        double: int
        refused: list[dict[str, str]]
        new_labels: list[str]
        left_out: dict[str, list[str]]  # by why
        examples: dict[str, int]  # kept, by label
        why: str | None  # nothing was taken, where nothing was


_FOLDER = "from"  # the hidden command that `learn FOLDER` stands for
_VALUES = {"--without": 1, "--merge": 2}  # how many follow these options


class _Learn(click.Group):
    """`learn`, `learn FOLDER` and `learn add`: a first word that is no command is a folder."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the hidden command before a folder."""
        first = _first_word(args)
        if first is not None and first not in self.commands:
            args = [_FOLDER, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """How it is written."""
        return ["[OPTIONS]", "[FOLDER]"]


def _first_word(args: Sequence[str]) -> str | None:
    """The first that is neither an option nor its value."""
    left = 0
    for one in args:
        if left:
            left -= 1
        elif one.startswith("-"):
            left = _VALUES.get(one, 0)
        else:
            return one
    return None


only_option = click.option(
    "--only", is_flag=True, help="These categories alone: another shop's goods."
)
adopt_option = click.option(
    "--adopt", is_flag=True, help="Judge with the new version, unless it is worse."
)


without_option = click.option(
    "--without", multiple=True, metavar="LABEL", help="A category that is none any longer."
)
merge_option = click.option(
    "--merge",
    "merged",
    multiple=True,
    nargs=2,
    metavar="LABEL INTO",
    help="A category that is part of another from now on.",
)


@click.group(cls=_Learn, invoke_without_command=True)
@only_option
@without_option
@merge_option
@adopt_option
@json_option
@click.pass_context
def learn(context: click.Context, /, as_json: bool, **asked: Any) -> None:
    """Learn from what people corrected and decided, and from labelled photos; takes seconds.

    With FOLDER, its photos (FOLDER/<category>/*.jpg) are brought first, as by `learn add`, and
    stay. What was decided is learnt from also when the photo is gone by now. New categories of too
    few photos are named and left out. The new version is compared with the one in use on photos
    that neither learnt from, and kept; what judges changes only with --adopt, or by
    `nightsort models adopt`. A lesson that does not hold together, or has too little to learn
    from, is refused, which is no failure. Categories can be taken out (--without) or put together
    (--merge); later lessons keep to that, and `models back` undoes it.

    \b
    Example:
      nightsort learn
      nightsort learn labelled/ --adopt
    """  # noqa: D301
    if context.invoked_subcommand is None:
        _lesson(context.obj, None, as_json=as_json, **asked)


@learn.command(_FOLDER, hidden=True)
@click.argument("folder", type=any_path)
@only_option
@without_option
@merge_option
@adopt_option
@json_option
@click.pass_obj
def learn_folder(config_file: Path | None, /, folder: Path, as_json: bool, **asked: Any) -> None:
    """Learn, with the photos of FOLDER."""
    _lesson(config_file, folder, as_json=as_json, **asked)


@learn.command()
@click.argument("path", type=any_path)
@click.option("--label", help="What all the photos show; else they lie in <category>/ folders.")
@json_option
@click.pass_obj
def add(config_file: Path | None, path: Path, label: str | None, as_json: bool) -> None:
    """Keep labelled photos as examples for the next lesson, and stop there.

    PATH is a folder or ZIP of <category>/*.jpg, or with --label a folder, ZIP or photo of one
    category. Folders whose names begin with _ are skipped. Says what is new, relabelled, double,
    unreadable, in no category, or said to be two things, and which categories are new, or of too
    few photos. The photos themselves are not kept. Exits 2 when none can be taken or is known.

    \b
    Example:
      nightsort learn add labelled.zip
      nightsort learn add sandals/ --label Sandals
    """  # noqa: D301
    from config.logs import configure
    from daemon.cli.lessons import School, left_out_words
    from daemon.folders.names import label_problem
    from daemon.sorting.offline import NoPhotos
    from daemon.sorting.versions import Versions

    settings = load(config_file)
    if label is not None and (problem := label_problem(label)):
        raise click.UsageError(f"--label {plain(label)}: {problem}")
    configure(service=False)
    document = _add(School.opened(settings, Versions(settings.state_dir)), path, label)
    if as_json:
        print_json(document)
    if document["why"]:
        raise NoPhotos(document["why"])
    for line in left_out_words({**document["left_out"], "too_few": []}):
        click.echo(plain(line), err=True)
    if not as_json:
        for line in _added_words(document, settings.learning.examples_per_label):
            click.echo(plain(line))


def _add(school: School, path: Path, label: str | None) -> Added:
    """Keep what can be kept of it, and tell what was and what was not."""
    from daemon.cli.lessons import keep, look_at, require_some
    from daemon.domain.examples import Counted
    from daemon.sorting.lesson_photos import Taken
    from daemon.sorting.offline import NoPhotos

    taken = Taken(())
    try:
        taken = look_at(school, _brought(school, path, label))
        require_some(taken)
    except NoPhotos as exc:
        return _added(school, Counted(0, 0), taken, school.stock(), str(exc))
    with school.store() as store:
        counted = keep(school, store, taken)
    return _added(school, counted, taken, school.stock())


@learn.command("list")
@json_option
@click.pass_obj
def list_examples(config_file: Path | None, as_json: bool) -> None:
    """List how many examples are kept of each category, and by what they came.

    \b
    Example:
      nightsort learn list
    """  # noqa: D301
    from daemon.store import Store

    with closing(Store(load(config_file).state_dir, reading=True)) as store:
        kept = store.examples.by_occasion()
    if as_json:
        print_json({"examples": kept})
        return
    for label, counts in kept.items():
        said = ", ".join(f"{count} by {occasion}" for occasion, count in counts.items())
        click.echo(plain(f"{label:20} {sum(counts.values()):>5}  {said}"))
    if not kept:
        click.echo("No examples are kept yet.", err=True)


@learn.command()
@click.argument("path", type=any_path, required=False)
@click.option("--label", help="Only what is said to show that; without PATH all of it.")
@json_option
@click.pass_obj
def remove(config_file: Path | None, path: Path | None, label: str | None, as_json: bool) -> None:
    """Take back what was brought by `learn add`: the photos of PATH, or all of a category.

    The next lesson is learnt without them; a version that was learnt from them stays as it is. What
    people decided is taken back by `nightsort undo`, or by another word.

    \b
    Example:
      nightsort learn remove labelled/Sandals
      nightsort learn remove --label Sandals
    """  # noqa: D301
    if path is None and label is None:
        raise click.UsageError("name a PATH, or a --label")
    from config.logs import configure
    from daemon.cli.lessons import School
    from daemon.sorting.versions import Versions

    settings = load(config_file)
    configure(service=False)
    school = School.opened(settings, Versions(settings.state_dir))
    photos = None if path is None else _hashes(school, path)
    with school.store() as store:
        count = store.examples.remove_brought(photos, label)
    if as_json:
        print_json({"removed": count})
    else:
        click.echo(f"Examples removed: {count}")


def _hashes(school: School, path: Path) -> set[str]:
    """Of the photos there, whatever folders they lie in."""
    import hashlib

    from config.errors import PhotoError
    from daemon.sorting.labelled import brought

    found = set()
    most = int(school.settings.intake.max_file_mb * 1e6)
    for photo in brought(path, "any", (), school.settings.intake.ignore):
        with suppress(PhotoError):  # such a one was not brought either
            found.add(hashlib.sha256(photo.read(most)).hexdigest())
    return found


def _lesson(
    config_file: Path | None,
    folder: Path | None,
    *,
    as_json: bool,
    only: bool,
    adopt: bool,
    without: tuple[str, ...],
    merged: tuple[tuple[str, str], ...],
) -> None:
    from config.logs import configure
    from daemon.cli.lessons import NICE, School, Wanted, run
    from daemon.sorting.versions import Versions

    settings = load(config_file)
    configure(service=False)
    versions = Versions(settings.state_dir)
    with versions.held():
        os.nice(NICE)
        school = School.opened(settings, versions)
        photos = None if folder is None else _brought(school, folder, None)
        labels: frozenset[str] | None = frozenset() if only else None
        run(school, Wanted(labels, adopt, without, merged, as_json), photos)


def _brought(school: School, path: Path, label: str | None) -> list[Labelled]:
    from daemon.sorting.labelled import brought

    return brought(path, label, school.labels(), school.settings.intake.ignore)


def _added(
    school: School,
    counted: Counted,
    taken: Taken,
    kept: Mapping[str, int],
    why: str | None = None,
) -> Added:
    """What was taken, and what was not. kept: examples by label."""
    from daemon.sorting.kept_examples import too_few

    new = sorted({one.label for one in taken.examples} - {*school.known})
    known = len(taken.examples) - counted.added - counted.relabelled
    few = too_few({label: kept.get(label, 0) for label in new}, school.fewest)
    return {
        "added": counted.added,
        "relabelled": counted.relabelled,
        "double": known + len(taken.double),
        "refused": [{"filename": one.place, "error": one.why} for _, one in taken.refused],
        "new_labels": new,
        "left_out": {**taken.left_out, "too_few": [*few]},
        "examples": dict(kept),
        "why": why,
    }


def _added_words(document: Added, fewest: int) -> Iterator[str]:
    changed = f", relabelled: {document['relabelled']}" if document["relabelled"] else ""
    yield f"Examples added: {document['added']}{changed}, known already: {document['double']}"
    for label in document["new_labels"]:
        count = document["examples"].get(label, 0)
        enough = "enough to be learnt" if count >= fewest else f"{fewest} are needed"
        yield f"New category {label}: {count} examples, {enough}"
    yield "To learn from all that is kept: nightsort learn"
