"""What is known of a bucket's copies."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.store import Store
from daemon.store.bucket_copies import Copy


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def test_however_much_was_lost_there_others_can_write_in_between(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = [Copy(f"results/{n:04}", size_bytes=1, sha256="0") for n in range(2500)]
    store.bucket.begin(copies)
    with store.bucket._db.transaction():
        store.bucket._db.execute("UPDATE bucket_copies SET sha256 = '0', size_bytes = 1")
    gone, taken = store.bucket.gone, []

    def counted(keys: Collection[str]) -> None:
        taken.append(len(keys))
        gone(keys)

    monkeypatch.setattr(store.bucket, "gone", counted)
    there = {"results/0001": 1, "results/2000": 1, "results/x": 1}
    assert store.bucket.compare("", "results/x", there) == ["results/x"]
    assert sum(taken) == 2498
    assert max(taken) <= 1000
    assert store.bucket.keys("results/") == ["results/0001", "results/2000"]


def test_a_file_that_is_let_go_while_it_is_sent_again_goes(store: Store) -> None:
    copy = Copy("results/a.csv", sha256="0" * 64)
    store.bucket.begin([copy])
    store.bucket.arrived(copy)
    assert store.bucket.to_go(9) == []
    store.bucket.let_go([copy.key])
    store.bucket.begin([copy])
    store.bucket.arrived(copy)
    assert store.bucket.to_go(9) == [copy.key]


def test_a_photo_that_was_forgotten_before_its_copy_is_begun_takes_that_along(
    store: Store,
) -> None:
    copy = Copy("2025-10-13/Shirts/a.jpg", photo=7, sha256="0" * 64)  # no such photo any more
    store.bucket.begin([copy])
    assert store.bucket.to_go(9) == [copy.key]
    store.bucket.begin([copy])
    assert store.bucket.to_go(9) == [copy.key]
