"""How large the next micro-batch is."""

from __future__ import annotations

import pytest

from daemon.sorting.drain import micro_batch_size


@pytest.mark.parametrize(
    ("left", "workers", "most", "size"),
    [
        (100_000, 2, 32, 32),
        (120, 2, 32, 20),  # towards the end: so that both workers end at about the same time
        (30, 2, 32, 8),
        (1, 2, 32, 8),
        (100_000, 2, 4, 4),  # the setting is never exceeded
    ],
)
def test_micro_batches_become_smaller_towards_the_end_of_the_queue(
    left: int, workers: int, most: int, size: int
) -> None:
    assert micro_batch_size(left, workers, most) == size
