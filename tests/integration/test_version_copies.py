"""Learnt versions are in the database's backups, and come back from there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from classifier.bundle import load_bundle
from classifier.version import Version
from config.errors import ModelError
from config.settings import Settings
from daemon.service.parts import load_model
from daemon.sorting.version_copies import (
    bring_versions_back,
    copy_versions,
    replace_damaged,
)
from daemon.sorting.versions import IN_USE, Versions, load_instead, untrusted
from daemon.store import Store
from tests.support.lessons import examples_of, lesson, made_up
from tests.support.rights import like_an_ordinary_user


@pytest.fixture
def learnt(tmp_path: Path) -> Version:
    found = lesson(made_up(tmp_path), examples_of("Sandals", 25)).version
    assert found is not None
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "state").mkdir()
    store = Store(tmp_path / "state")
    yield store
    store.close()


@pytest.fixture
def versions(tmp_path: Path, learnt: Version, store: Store) -> Versions:
    """Three, of which the second is in use; copied."""
    versions = Versions(tmp_path / "state")
    with versions.held():
        for number in (1, 2, 3):
            card = learnt.card.model_copy(update={"name": f"2026-11-26.{number}"})
            versions.add(replace(learnt, card=card), 10)
        versions.adopt("2026-11-26.1")
        versions.adopt("2026-11-26.2")
    copy_versions(store, versions)
    return versions


def settings_of(versions: Versions) -> Settings:
    return Settings(
        incoming_dir=Path("/in"),
        sorted_dir=Path("/sorted"),
        results_dir=Path("/results"),
        state_dir=versions.folder.parent,
    )


def test_what_was_lost_with_the_folder_comes_back_whole(store: Store, versions: Versions) -> None:
    before = {path.name: path.read_bytes() for path in versions.folder.glob("[!.]*")}
    shutil.rmtree(versions.folder)
    with capture_logs() as logs:
        bring_versions_back(store, versions)
    assert {path.name: path.read_bytes() for path in versions.folder.glob("[!.]*")} == before
    assert versions.in_use() == "2026-11-26.2"
    assert [(one["event"], one["count"]) for one in logs] == [("versions_restored", 3)]
    with versions.held():
        assert versions.back() == "2026-11-26.1"


def test_a_folder_that_holds_any_is_believed(store: Store, versions: Versions) -> None:
    (versions.folder / "2026-11-26.3.npz").unlink()
    bring_versions_back(store, versions)
    assert versions.names() == ["2026-11-26.1", "2026-11-26.2"]
    copy_versions(store, versions)
    assert store.version_copies.names() == {"2026-11-26.1", "2026-11-26.2"}


def test_what_is_in_use_is_copied_when_it_changes_and_kept_when_it_cannot_be_read(
    store: Store, versions: Versions
) -> None:
    with versions.held():
        versions.back()
    copy_versions(store, versions)
    assert store.version_copies.adopted() == ["shipped", "2026-11-26.1"]
    (versions.folder / IN_USE).write_text("damaged")
    copy_versions(store, versions)
    bring_versions_back(store, versions)
    assert store.version_copies.adopted() == ["shipped", "2026-11-26.1"]
    assert len(store.version_copies.names()) == 3


def test_of_what_came_damaged_the_copy_takes_the_place_and_of_nothing_else(
    store: Store, versions: Versions
) -> None:
    before = {path.name: path.read_bytes() for path in versions.folder.glob("[!.]*")}
    for name in ("2026-11-26.1.npz", "2026-11-26.3.npz", IN_USE):
        (versions.folder / name).unlink()
    replace_damaged(store, versions, [])
    assert versions.names() == ["2026-11-26.2"]
    replace_damaged(store, versions, ["2026-11-26.1.npz", "2026-11-27.1.npz", IN_USE])
    assert versions.adopted() == ["shipped", "2026-11-26.1", "2026-11-26.2"]
    there = {path.name: path.read_bytes() for path in versions.folder.glob("[!.]*")}
    assert there == {name: before[name] for name in before if name != "2026-11-26.3.npz"}


def test_what_cannot_judge_is_known_and_why(versions: Versions, tmp_path: Path) -> None:
    bundle = load_bundle(tmp_path / "bundle")
    settings = settings_of(versions)
    assert untrusted(settings, bundle) == {}
    (versions.folder / "2026-11-26.2.npz").unlink()
    cut_off = versions.folder / "2026-11-26.3.npz"
    cut_off.write_bytes(cut_off.read_bytes()[:-50])
    found = untrusted(settings, bundle)
    assert [*found] == ["2026-11-26.3", "2026-11-26.2"]
    assert "is missing" in found["2026-11-26.2"]
    (versions.folder / IN_USE).write_text("damaged")
    assert "does not say which version is in use" in untrusted(settings, bundle)[IN_USE]


def test_where_nothing_was_learnt_nothing_is_made(store: Store, tmp_path: Path) -> None:
    versions = Versions(tmp_path / "state")
    copy_versions(store, versions)
    bring_versions_back(store, versions)
    assert not versions.folder.exists()


def test_rights_that_are_spoilt_stop_neither_copies_nor_the_model(
    store: Store, versions: Versions
) -> None:
    settings = settings_of(versions)
    versions.folder.chmod(0)
    with like_an_ordinary_user():
        copy_versions(store, versions)
        bring_versions_back(store, versions)
        with pytest.raises(ModelError, match="may not look there"):
            load_model(settings)
        assert load_instead(settings).version is None
    versions.folder.chmod(0o750)
    assert len(store.version_copies.names()) == 3
