"""What all commands of the command line share."""

from __future__ import annotations

import json
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
    if report.is_dir():
        wrong = f"{plain(str(report))} is a folder; name a file, such as evaluation.html"
    elif not report.parent.is_dir():
        wrong = f"{plain(str(report.parent))} is no folder; make it, or name another"
    else:
        return
    raise click.BadParameter(wrong, param_hint="--report")
