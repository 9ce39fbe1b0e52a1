"""Files for people are whole, or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.writing import replacing
from tests.support.flushing import watched


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(b"old")
    order = watched(monkeypatch)
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert order == [
        "flushed .nightsort-report.html.part",
        "named report.html",
        f"flushed {tmp_path.name}",
    ]
    assert path.read_bytes() == b"new"
    assert [*tmp_path.iterdir()] == [path]
