"""Whatever is learnt, adopted, taken back, lost or killed in between: one version judges, whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.bundle import Bundle
from classifier.version import Version, load_version
from config.errors import NightsortError
from daemon.sorting import versions as module
from daemon.sorting.version_copies import bring_versions_back, copy_versions
from daemon.sorting.versions import SHIPPED, Versions
from daemon.store import Store
from tests.support.lessons import examples_of, lesson, made_up

NAMES = [f"2026-11-26.{number}" for number in range(1, 5)]
STEPS = st.one_of(
    st.tuples(st.just("learn"), st.sampled_from(NAMES)),
    st.tuples(st.just("adopt"), st.sampled_from([*NAMES, SHIPPED])),
    st.tuples(st.just("killed"), st.sampled_from([*NAMES, SHIPPED])),
    st.tuples(st.sampled_from(["back", "copy", "lost"]), st.just("")),
)


class Killed(BaseException):
    """The process ends here."""


@cache
def learnt() -> tuple[Bundle, Version]:
    folder = Path(tempfile.mkdtemp(prefix="nightsort-test-"))
    bundle = made_up(folder)
    found = lesson(bundle, examples_of("Sandals", 25)).version
    shutil.rmtree(folder)
    assert found is not None
    return bundle, found


@pytest.fixture(scope="module", autouse=True)
def once() -> Iterator[None]:
    learnt()
    yield
    learnt.cache_clear()


def step(versions: Versions, store: Store, what: str, name: str) -> None:
    match what:
        case "learn":
            _, version = learnt()
            card = version.card.model_copy(update={"name": name})
            versions.add(replace(version, card=card), 2)
        case "adopt":
            versions.adopt(name)
        case "killed":
            adopt_and_die(versions, name)
        case "back":
            versions.back()
        case "copy":
            copy_versions(store, versions)
        case "lost":
            copy_versions(store, versions)
            shutil.rmtree(versions.folder, ignore_errors=True)
            bring_versions_back(store, versions)


def adopt_and_die(versions: Versions, name: str) -> None:
    """Adopt, and be killed just before what is in use is written."""

    def die(*_: Any) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "replacing", die)
        with suppress(Killed):
            versions.adopt(name)


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=12))
def test_one_version_is_in_use_and_whole(steps: list[tuple[str, str]]) -> None:
    bundle, _ = learnt()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        store, versions = Store(state), Versions(state)
        try:
            for what, name in steps:
                before = versions.in_use()
                with suppress(NightsortError), versions.held():
                    step(versions, store, what, name)
                in_use, path = versions.in_use(), versions.file_in_use()
                assert (path is None) == (in_use == SHIPPED)
                if path is not None:
                    assert load_version(path, bundle).card.name == in_use
                if what not in ("adopt", "back"):
                    assert in_use == before
        finally:
            store.close()
