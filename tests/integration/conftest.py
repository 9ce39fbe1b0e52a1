"""An S3 server for each file of tests, a bucket of it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.s3 import Storage


@pytest.fixture(scope="module")
def s3() -> Iterator[Storage]:
    from tests.support.s3 import storage

    with storage() as running:
        yield running


@pytest.fixture
def bucket(s3: Storage) -> str:
    return s3.new_bucket()
