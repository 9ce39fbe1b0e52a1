"""The command that forgets a photo, or a return, for good.

Like `daemon.cli.main`, which names it, it parses, calls and prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import RefusedError
from config.readable import plain
from daemon.cli.common import json_option, load, print_json

if TYPE_CHECKING:
    from daemon.domain.forgetting import Receipt
    from daemon.store import Meant


@click.command()
@click.argument("what", metavar="PHOTO_OR_RETURN_ID")
@click.option("--yes", is_flag=True, help="Do not ask. What is named must be as exact as ever.")
@json_option
@click.pass_obj
def forget(config_file: Path | None, what: str, yes: bool, as_json: bool) -> None:
    """Leave no trace of one photo, or of all photos of one return.

    Its file goes, and all that was made or noted of it: pictures, rows, lines in results and lists,
    what was learnt from it as an example, its copy in the mirror. What still holds it (backups, and
    until when; exports of before) is said. The receipt has no names: keep it, it is kept nowhere
    else. A name that several photos have is refused, and they are listed: name one by its number,
    such as "#7". This cannot be undone.

    \b
    Example:
      nightsort forget 60521
      nightsort forget "#7"
      nightsort forget return-60521_front.jpg --yes --json
    """  # noqa: D301
    from daemon.cli.history import answer_to, named_in
    from daemon.domain.orders import Forget
    from daemon.maintenance.forgetting import not_exact
    from daemon.store import Store

    settings = load(config_file)
    name = named_in(what, settings)
    with closing(Store(settings.state_dir, reading=True)) as store:
        meant = store.traces.meant(name)
    if not meant.is_exact:
        raise RefusedError(not_exact(name, meant.stories))
    if not yes:
        _ask(meant)
    order = Forget(name, tuple(story.id for story in meant.stories))
    click.echo("Forgetting; reports and lists are made again without it.", err=True)
    receipt = answer_to(settings, order)
    if as_json:
        print_json(_as_json(receipt))
    else:
        click.echo("\n".join(_in_words(receipt)))


def _ask(meant: Meant) -> None:
    from daemon.domain.photos import as_text

    for story in meant.stories:
        click.echo(f"#{story.id}  {plain(as_text(story.place))}  ({story.state})", err=True)
    count = len(meant.stories)
    these = "this photo" if count == 1 else f"these {count} photos"
    try:
        click.confirm(f"Forget {these} for good?", abort=True, err=True)
    except click.Abort:
        raise RefusedError("nothing was forgotten; --yes does it without asking") from None


def _as_json(receipt: Receipt) -> dict[str, object]:
    from daemon.domain.coding import coded

    said = coded(receipt)
    said["forgotten"] = "return" if said.pop("is_return") else "photo"
    return said


def _in_words(receipt: Receipt) -> Iterator[str]:
    count = len(receipt.photos)
    what = "one return" if receipt.is_return else "one photo"
    yield f"Forgotten: {what}{f' of {count} photos' if count > 1 else ''}"
    yield f"At {receipt.at} by {plain(receipt.by)}"
    yield f"Asked for as (SHA-256): {receipt.asked_sha256}"
    for photo in receipt.photos:
        yield f"Photo #{photo.photo} (SHA-256): {photo.sha256 or 'never read'}"
    yield f"Files of photos removed: {receipt.files_removed}"
    if receipt.rewritten:
        yield f"Made again without it: {plain(', '.join(receipt.rewritten))}"
    for number in receipt.same_bytes:
        yield f'The same picture is photo #{number}, too, and stays: nightsort forget "#{number}"'
    for one in receipt.remains:
        yield f"Still held by: {one.what}, {plain(one.where)}; until: {plain(one.until)}"
