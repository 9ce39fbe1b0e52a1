"""The command `nightsort cards`: parses, calls, prints."""

from __future__ import annotations

from pathlib import Path

import click

from config.readable import plain
from daemon.cli.common import any_path, json_option, load, print_json


@click.command()
@click.option(
    "--out",
    type=any_path,
    default=Path("nightsort-cards"),
    show_default=True,
    help="The folder for them; it is made, and cards of before are replaced.",
)
@click.option("--language", type=click.Choice(["en", "de"]), help="Default: [reports] language.")
@json_option
@click.pass_obj
def cards(config_file: Path | None, out: Path, language: str | None, as_json: bool) -> None:
    """Make cards to print: for the photo station, for who decides, and checklists.

    HTML for A4 sheets, from the settings: the folders as people reach them ([links]), how returns
    are named ([returns]), the window, the categories' codes and places, whom to ask ([contact]).
    What is not set is a line to write on. Open them in a browser and print.

    \b
    Example:
      nightsort cards
      nightsort cards --language de --out /srv/nightsort/results/cards
    """  # noqa: D301
    from datetime import datetime

    from web.cards import making

    settings = load(config_file)
    today = datetime.now().astimezone().date()
    pages = making.cards(settings, language or settings.reports.language, today)
    files = [str(_write(out, f"{name}.html", text)) for name, text in pages.items()]
    if as_json:
        print_json({"files": files})
    else:
        for file in files:
            click.echo(plain(file))
        click.echo("Open each in a browser and print it on A4.", err=True)


def _write(folder: Path, name: str, text: str) -> Path:
    """Write a card whole or not at all."""
    file, unfinished = folder / name, folder / f".{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    except OSError as exc:
        why = f"cannot be written ({exc.strerror}); name another folder"
        raise click.BadParameter(f"{plain(str(file))} {why}", param_hint="--out") from exc
    return file.absolute()
