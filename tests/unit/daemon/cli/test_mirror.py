"""`nightsort mirror fill` without a daemon: what becomes of one side is nothing to the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from config.errors import NightsortError, StoreDamaged, TransientError
from config.settings import Settings
from daemon.cli import mirror
from daemon.domain.clock import Clock
from daemon.store import Store

FOLDERS = {f"{one}_dir": Path("/srv") / one for one in ("incoming", "sorted", "results", "state")}
BOTH = {
    "station": "berlin", "postgres": "postgresql:///returns", "bucket": "s3://photos",
    "bucket_credential": "bucket",
}  # fmt: skip


def fill_where(monkeypatch: pytest.MonkeyPatch, error: NightsortError) -> Any:
    """What comes of it where the database meets an error."""

    def fails(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(mirror, "_fill_database", fails)
    monkeypatch.setattr(mirror, "_fill_bucket", lambda *_: 3)
    settings = Settings.model_validate({**FOLDERS, "mirror": BOTH})
    return mirror._fill_each(settings, cast(Store, None), cast(Clock, None))


def test_the_bucket_is_filled_where_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    away = TransientError("PostgreSQL: away")
    assert fill_where(monkeypatch, away) == ((None, 3), [away])


def test_a_damaged_history_ends_it_so_that_the_next_start_looks_for_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(StoreDamaged):
        fill_where(monkeypatch, StoreDamaged("state_dir: the database is damaged"))
