"""What all commands of the command line share."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.readable import plain

if TYPE_CHECKING:
    from config.settings import Settings

EXIT_FAILED, EXIT_WRONG_USE, EXIT_DO_NOT_RESTART, EXIT_INTERRUPTED = 1, 2, 78, 130

# Whether it is there and may be read, whoever opens it says in better words.
any_path = click.Path(path_type=Path, readable=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def load(file: Path | None) -> Settings:
    """All settings; raises ConfigError. Read only when asked for: that takes its time."""
    from config.settings import load as load_settings

    settings = load_settings(file)
    for warning in settings.renamed:
        click.echo(f"nightsort: {warning}", err=True)
    return settings


def print_json(document: Mapping[str, object]) -> None:
    """Print the one document that `--json` promises."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def check_it_can_be_a_page(report: Path) -> None:
    """Refuse another path before photos are judged, which may take minutes."""
    if os.path.isdir(report):  # noqa: PTH112 - Path's own raises where a folder may not be entered
        wrong = f"{plain(str(report))} is a folder; name a file, such as evaluation.html"
    elif not report.parent.is_dir():
        wrong = f"{plain(str(report.parent))} is no folder; make it, or name another"
    elif not os.access(report.parent, os.W_OK | os.X_OK):
        wrong = f"{plain(str(report.parent))}: may not be written to; name another folder"
    else:
        return
    raise click.BadParameter(wrong, param_hint="--report")


def empty_folder(folder: Path, option: str) -> Path:
    """That folder, made if it is missing. Raises BadParameter where it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as exc:
        why = f"cannot be used ({exc.strerror}); name another folder"
        raise click.BadParameter(f"{plain(str(folder))}: {why}", param_hint=option) from exc
    if not is_empty:
        why = "is not empty; name a new folder"
        raise click.BadParameter(f"{plain(str(folder))} {why}", param_hint=option)
    return folder.absolute()
