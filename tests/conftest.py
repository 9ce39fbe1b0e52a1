"""What holds for every test: nothing of the machine's settings, no logging left behind.

Colleagues of a test stand in tests/support: clock and classifier without time and model, the photo
maker, waiting with a deadline. Nothing here is patched into product code.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# A deadline for each example would fail on a busy machine and say nothing about the code.
# The CI says whether this tree is sound, each time in the same way; elsewhere new cases are drawn.
settings.register_profile(
    "nightsort", deadline=None, print_blob=True, derandomize="CI" in os.environ
)
settings.load_profile("nightsort")
# What a shell runs in its background ignores SIGINT, and so would every command that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Else each of the thousand commands that the tests start would compile all of nightsort anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


class SharedModules(LoadScopeScheduling):  # type: ignore[misc]
    """Spreads tests over workers one by one, but those that share what their module made together.

    So a daemon, a page or a booted machine is started once, and its tests come in one order.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if shares_fixtures(self.config.rootpath / file) else nodeid


@cache
def shares_fixtures(file: Path) -> bool:
    text = file.read_text(encoding="utf-8")
    return any(sign in text for sign in ('scope="module"', 'scope="session"', "s3: Storage"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedModules:
    """The scheduler of this suite. Source: pytest-xdist's own, of which this is one."""
    return SharedModules(config, log)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that a test starts see no variable of the person who runs the tests."""
    for name in [*os.environ]:
        if name.upper().startswith("NIGHTSORT_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """A command called in this process may have set another for good."""
    before = os.umask(0o022)
    yield
    os.umask(before)


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
