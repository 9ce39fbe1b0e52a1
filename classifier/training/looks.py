"""How often the hold-out was looked at: each look flatters whatever is chosen afterwards.

The card keeps the list, with the version and the command that looked; a bundle that is made over
another with the same hold-out goes on with its list. What is measured elsewhere cannot be counted.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from classifier.bundle import CARD
from classifier.training.card import HOLDOUT, holdout_text, write_card

KEY = "holdout_looks"


def with_look(document: Mapping[str, Any], by: str) -> dict[str, Any]:
    """The card with one look more. by: the command that looks."""
    on = datetime.datetime.now(datetime.UTC).date().isoformat()
    look = {"version": document.get("version", ""), "by": by, "on": on}
    return {**document, KEY: [*document.get(KEY, []), look]}


def before(folder: Path, holdout: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    """The looks that the bundle in the folder knows of; none where it held out other photos."""
    try:
        listed = (folder / HOLDOUT).read_text(encoding="utf-8")
        document = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return list(document.get(KEY, [])) if listed == holdout_text(holdout) else []


def noted(folder: Path, by: str) -> None:
    """Write one look more into the card of a bundle; without a card there is none to tell."""
    file = folder / CARD
    if not file.exists():
        return
    write_card(folder, with_look(json.loads(file.read_text(encoding="utf-8")), by))
