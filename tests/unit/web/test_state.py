"""What the daemon's own status says of it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from daemon.domain.status import StatusDocument
from web.reading.state import is_sorting, sorts


@pytest.mark.parametrize(
    ("state", "waiting", "retrying", "expected"),
    [
        ("sorting", 12, 2, True),
        ("sorting", 0, 0, False),  # a run of continuous mode that waits for more
        ("sorting", 2, 2, False),
        ("waiting", 12, 0, False),
        ("not running", 12, 0, False),
    ],
)
def test_it_sorts_while_a_run_is_open_and_photos_wait(
    state: str, waiting: int, retrying: int, expected: bool
) -> None:
    queue = {"waiting": waiting, "settling": 0, "retrying": retrying}
    assert sorts(cast(StatusDocument, {"state": state, "queue": queue})) is expected


def test_where_no_daemon_ever_was_nothing_is_sorted(tmp_path: Path) -> None:
    assert is_sorting(tmp_path) is False
