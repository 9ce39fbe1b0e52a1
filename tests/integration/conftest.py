"""An S3 server for each file of tests, a bucket of it for each test, and its folder in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import clean_memory, tmp_path

if TYPE_CHECKING:
    from tests.support.s3 import Storage

__all__ = ["bucket", "clean_memory", "s3", "tmp_path"]


@pytest.fixture(scope="module")
def s3() -> Iterator[Storage]:
    from tests.support.s3 import storage

    with storage() as running:
        yield running


@pytest.fixture
def bucket(s3: Storage) -> str:
    return s3.new_bucket()
