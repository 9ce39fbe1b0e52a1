"""Who may use the page: read of the page's own database, for backups.

That database is another user's, and its form the page's: rows are taken whole, whatever columns
they have, so that a newer page's come along, and the page itself takes back what it knows of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from config.errors import NightsortError, RefusedError
from daemon.store.database import connect

# Where the page keeps them, within state_dir.
PAGE_DATABASE = Path("web/web.db")

Row = Mapping[str, str | int | float | None]


@dataclass(frozen=True, slots=True)
class PagePeople:
    """Accounts and keys of the page, as a backup took them along; by the names of the columns."""

    at: float  # when, in seconds since 1970
    accounts: Sequence[Row]
    keys: Sequence[Row]

    def as_fact(self) -> dict[str, Any]:
        """For the facts of a backup."""
        return asdict(self)


def read_page_people(state_dir: Path, now: datetime) -> PagePeople | None:
    """Those of the page beside this state; None where there never was one.

    Sessions are not among them: whoever was signed in signs in again.
    Raises RefusedError, which says why, where its database cannot be read.
    """
    path = state_dir / PAGE_DATABASE
    try:
        if not path.exists():
            return None
        with closing(connect(path, "mode=ro")) as page:
            page.row_factory = sqlite3.Row
            page.execute("BEGIN")  # both as they are at one moment
            return PagePeople(now.timestamp(), _rows(page, "accounts"), _rows(page, "keys"))
    except (NightsortError, sqlite3.Error, OSError) as exc:
        why = exc.__cause__ or exc
        raise RefusedError(f"{path}: cannot be read ({why})") from exc


def _rows(page: sqlite3.Connection, table: str) -> list[Row]:
    return [dict(row) for row in page.execute(f"SELECT * FROM {table}")]  # noqa: S608 - of ours
