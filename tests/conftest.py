"""What holds for every test: nothing of the machine's settings, no logging left behind.

Colleagues of a test stand in tests/support: clock and classifier without time and model, the photo
maker, waiting with a deadline. Nothing here is patched into product code.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

# A deadline for each example would fail on a busy machine and say nothing about the code.
settings.register_profile("nightsort", deadline=None, print_blob=True)
settings.load_profile("nightsort")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that a test starts see no variable of the person who runs the tests."""
    for name in [*os.environ]:
        if name.upper().startswith("NIGHTSORT_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command called in this process sets up logging for good; the next test gets it fresh."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
