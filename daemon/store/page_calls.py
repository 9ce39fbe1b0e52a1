"""Calls of the API, added up: read of the page's own database, for exports and the mirror."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from config.errors import NightsortError, RefusedError
from daemon.store.database import connect
from daemon.store.mirrored import Row
from daemon.store.page_people import PAGE_DATABASE

# By hour, so that whoever adds them up has days of any zone. Keys have names of people, at times.
_BY_HOUR = (
    "SELECT CAST(at / 3600 AS INTEGER) * 3600 AS hour, path, status, count(*) AS calls,"
    " sum(milliseconds) AS milliseconds, max(milliseconds) AS slowest_milliseconds,"
    " sum(bytes) AS bytes FROM api_calls WHERE at >= ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)


def page_calls(state_dir: Path, since: float = 0.0) -> Generator[Row, None, None]:
    """Those of the page beside this state, by hour, path and status; none where there is no page.

    since: in seconds since 1970.
    Raises RefusedError, which says why, where its database cannot be read.
    """
    path = state_dir / PAGE_DATABASE
    try:
        if not path.exists():
            return
        with closing(connect(path, "mode=ro")) as page:
            page.row_factory = sqlite3.Row
            for row in page.execute(_BY_HOUR, (since,)):
                hour = datetime.fromtimestamp(row["hour"], UTC)
                yield {**dict(row), "hour": hour.isoformat()}
    except (NightsortError, sqlite3.Error, OSError) as exc:
        why = exc.__cause__ or exc
        raise RefusedError(f"{path}: cannot be read ({why})") from exc
