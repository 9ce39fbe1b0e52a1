"""What all commands of the command line share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from config.settings import Settings

EXIT_FAILED, EXIT_WRONG_USE, EXIT_DO_NOT_RESTART, EXIT_INTERRUPTED = 1, 2, 78, 130

# Whether it is there and may be read, whoever opens it says in better words.
any_path = click.Path(path_type=Path, readable=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def load(file: Path | None) -> Settings:
    """All settings; raises ConfigError. Read only when asked for: that takes its time."""
    from config.settings import load as load_settings

    return load_settings(file)


def print_json(document: dict[str, Any]) -> None:
    """Print the one document that `--json` promises."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
