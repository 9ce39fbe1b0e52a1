"""The commands about learnt versions: models list, show, compare, adopt and back.

Like `daemon.cli.main`, which registers them, they parse, call and print.
"""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.errors import ModelError, RefusedError
from config.readable import plain
from daemon.cli.common import any_path, check_it_can_be_a_page, json_option, load, print_json
from daemon.cli.promoting import promote

if TYPE_CHECKING:
    from classifier.classifier import Classifier
    from config.settings import Settings
    from daemon.domain.examples import Kept
    from daemon.sorting.version_list import ShippedCard, VersionBrief
    from daemon.sorting.versions import Versions


@click.group()
def models() -> None:
    """See and change what judges photos: the model that ships, or a version learnt over it."""


models.add_command(promote)


@models.command("list")
@json_option
@click.pass_obj
def list_versions(config_file: Path | None, as_json: bool) -> None:
    """List the versions there are, and mark the one in use.

    \b
    Example:
      nightsort models list
    """  # noqa: D301
    from classifier.bundle import load_bundle
    from daemon.sorting.version_list import listed
    from daemon.sorting.versions import Versions

    settings = load(config_file)
    found = listed(Versions(settings.state_dir), load_bundle(settings.model_dir))
    if as_json:
        print_json(found)
        return
    for one in found["versions"]:
        mark = "*" if one["version"] == found["in_use"] else " "
        click.echo(plain(f"{mark} {one['version']:14} {one['problem'] or _words(one)}"))


@models.command()
@click.argument("version")
@json_option
@click.pass_obj
def show(config_file: Path | None, version: str, as_json: bool) -> None:
    """Say what a version was learnt from, and how it compared; "shipped": what it knows.

    \b
    Example:
      nightsort models show 2026-11-26.1
      nightsort models show shipped
    """  # noqa: D301
    from classifier.bundle import load_bundle
    from daemon.cli.lessons import comparison_words
    from daemon.sorting.version_list import card_of, shipped_card
    from daemon.sorting.versions import SHIPPED, Versions

    settings = load(config_file)
    bundle = load_bundle(settings.model_dir)
    if version == SHIPPED:
        _show_shipped(shipped_card(bundle), as_json=as_json)
        return
    card = card_of(Versions(settings.state_dir), version, bundle)
    if as_json:
        print_json(card.model_dump(mode="json"))
        return
    click.echo(plain(f"Version {card.name}, learnt {card.learnt}"))
    click.echo(plain(f"Over {card.base.name} {card.base.version}"))
    click.echo(plain(f"Categories: {', '.join(card.categories)}"))
    told = ", ".join(f"{label} {count}" for label, count in card.examples.items())
    click.echo(plain(f"Examples: {told}"))
    for line in comparison_words(card.figures):
        click.echo(plain(line))


def _show_shipped(card: ShippedCard, *, as_json: bool) -> None:
    if as_json:
        print_json(card)
        return
    base, bands = card["base"], card["bands"]
    click.echo(plain(f"Version {card['name']}: {base['name']} {base['version']}, as it comes"))
    click.echo(plain(f"Categories: {', '.join(card['categories'])}"))
    if bands is not None:
        told = ", ".join(f"{name} from {least:.3f}" for name, least in bands.items())
        click.echo(f"Bands: {told}")


@models.command()
@click.argument("a")
@click.argument("b")
@json_option
@click.option("--report", type=any_path, help="Also write a page with pictures of what changes.")
@click.pass_obj
def compare(config_file: Path | None, a: str, b: str, as_json: bool, report: Path | None) -> None:
    """Compare version A with version B on photos that neither learnt from.

    These are photos that came with the network and that it was not trained on, and the examples
    that are kept. "shipped" is the model as it comes. What judges stays as it is.

    \b
    Example:
      nightsort models compare shipped 2026-11-26.1 --report comparison.html
    """  # noqa: D301
    from config.logs import configure
    from daemon.cli.lessons import comparison_words
    from daemon.domain.speech import speech
    from daemon.folders.photo_files import Limits
    from daemon.sorting.comparing import compare as tried
    from daemon.sorting.comparing import write_report
    from daemon.sorting.versions import Versions
    from daemon.store import Store

    if report is not None:
        check_it_can_be_a_page(report)
    settings = load(config_file)
    configure(service=False)
    versions = Versions(settings.state_dir)
    first, second = (_try_out(settings, versions, name) for name in (a, b))
    kept: list[Kept] = []
    with (
        suppress(RefusedError),  # there is no database yet
        closing(Store(settings.state_dir, reading=True)) as store,
    ):
        kept = store.examples.usable(first.network)
    compared = tried(first, second, kept)
    document = compared.as_json(a, b)
    if report is not None:
        limits = Limits.from_settings(settings.intake)
        say = speech(settings.reports.language)
        write_report(report, compared, (a, b), settings.sorted_dir, limits, say)
    if as_json:
        print_json(document)
        return
    for line in comparison_words(document):
        click.echo(plain(line))


@models.command()
@click.argument("version")
@json_option
@click.pass_obj
def adopt(config_file: Path | None, version: str, as_json: bool) -> None:
    """Judge with a version from now on; "shipped" is the model as it comes with nightsort.

    A running daemon takes it between two micro-batches. A version that fails its self-test, is
    damaged or was learnt over another model is refused, and nothing changes.

    \b
    Example:
      nightsort models adopt 2026-11-26.1
      nightsort models adopt shipped
    """  # noqa: D301
    from config.logs import configure
    from daemon.sorting.versions import Versions

    settings = load(config_file)
    configure(service=False)
    versions = Versions(settings.state_dir)
    with versions.held():
        adopt_here(settings, versions, version)
    if as_json:
        print_json({"in_use": version})


@models.command()
@json_option
@click.pass_obj
def back(config_file: Path | None, as_json: bool) -> None:
    """Judge with the version before again.

    \b
    Example:
      nightsort models back
    """  # noqa: D301
    from config.logs import configure
    from daemon.sorting.versions import Versions

    settings = load(config_file)
    configure(service=False)
    versions = Versions(settings.state_dir)
    with versions.held():
        was = versions.in_use()
        _try_out(settings, versions, versions.before() or was)
        name = versions.back()
        try:
            told = _told_to_daemon(settings)
        except ModelError:
            versions.adopt(was)
            raise
    click.echo(plain(f"In use: {name}{told}"), err=True)
    if as_json:
        print_json({"in_use": name})


def adopt_here(settings: Settings, versions: Versions, name: str) -> None:
    """Adopt a version and say so; to be called while `versions` is held."""
    try:
        is_other = name != versions.in_use()
    except ModelError:  # nobody knows any more; this says it anew
        is_other = False
    _try_out(settings, versions, name)
    versions.adopt(name)
    try:
        told = _told_to_daemon(settings)
    except ModelError:
        if is_other:
            versions.back()
        raise
    click.echo(plain(f"In use: {name}{told}"), err=True)


def _try_out(settings: Settings, versions: Versions, name: str) -> Classifier:
    from daemon.sorting.versions import SHIPPED, try_out

    return try_out(settings, None if name == SHIPPED else versions.file(name))


def _told_to_daemon(settings: Settings) -> str:
    """Have a running daemon take what is to be used now; raises ModelError when it refuses."""
    from daemon.domain.orders import ChangeModel
    from daemon.folders.locks import is_held
    from daemon.service.control_client import NoAnswer, give_order

    if not is_held(settings.state_dir):
        _note_adoption(settings)
        return "; the daemon takes it at its start"
    try:
        problem = give_order(settings.state_dir, ChangeModel()).problem
    except NoAnswer as exc:
        return f"; the running process takes it at its next start: {exc}"
    if problem:
        raise ModelError(problem)
    return "; the daemon judges with it from now on"


def _note_adoption(settings: Settings) -> None:
    """No daemon runs to note who adopted it."""
    import os

    from daemon.folders.locks import prepare, user_name
    from daemon.sorting.version_copies import copy_versions
    from daemon.sorting.versions import Versions
    from daemon.store import DATABASE, Store

    prepare(settings.state_dir)
    if (settings.state_dir / DATABASE).exists():
        with closing(Store(settings.state_dir)) as store:
            copy_versions(store, Versions(settings.state_dir), user_name(os.getuid()))


def _words(one: VersionBrief) -> str:
    if "learnt" not in one:
        return str(one["model"])
    origin = f"; from {one['origin']}" if "origin" in one else ""
    return (
        f"{one['examples']} examples, {len(one['categories'])} categories, {one['judgement']}; "
        f"learnt {one['learnt']}{origin}"
    )
