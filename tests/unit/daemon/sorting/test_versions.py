"""Versions in the state folder: one in use, always; the way back; what is thrown away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifier.version import Version
from config.errors import ModelError, RefusedError
from daemon.sorting.versions import IN_USE, SHIPPED, NoVersion, Versions
from tests.support.lessons import examples_of, lesson, made_up

DAY = datetime(2026, 11, 26, 20, tzinfo=UTC)


@pytest.fixture
def learnt(tmp_path: Path) -> Version:
    found = lesson(made_up(tmp_path), examples_of("Sandals", 25)).version
    assert found is not None
    return found


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "state")


def add(versions: Versions, learnt: Version, number: int, keep: int = 10) -> list[str]:
    card = learnt.card.model_copy(update={"name": f"2026-11-26.{number}"})
    return versions.add(replace(learnt, card=card), keep)


def test_without_a_version_the_model_that_ships_judges(versions: Versions) -> None:
    assert (versions.names(), versions.in_use(), versions.file_in_use()) == ([], SHIPPED, None)
    assert not versions.folder.exists()
    with versions.held(), pytest.raises(NoVersion, match="none was adopted"):
        versions.back()


def test_versions_are_adopted_and_taken_back_one_by_one(
    versions: Versions, learnt: Version
) -> None:
    with versions.held():
        for number in (1, 2):
            add(versions, learnt, number)
            versions.adopt(f"2026-11-26.{number}")
        versions.adopt("2026-11-26.2")  # once more changes nothing
        assert versions.file_in_use() == versions.folder / "2026-11-26.2.npz"
        assert [versions.back(), versions.in_use()] == ["2026-11-26.1"] * 2
        assert versions.back() == SHIPPED
        with pytest.raises(NoVersion, match="models list"):
            versions.adopt("../lock")


def test_a_name_is_never_given_twice_and_the_tenth_comes_after_the_ninth(
    versions: Versions, learnt: Version
) -> None:
    with versions.held():
        for number in (9, 10):
            assert versions.new_name(DAY) == f"2026-11-26.{number if number > 9 else 1}"
            add(versions, learnt, number)
    assert versions.names() == ["2026-11-26.9", "2026-11-26.10"]
    assert versions.new_name(DAY) == "2026-11-26.11"


def test_the_oldest_go_but_not_those_in_use(versions: Versions, learnt: Version) -> None:
    with versions.held():
        for number in (1, 2, 3):
            add(versions, learnt, number)
        versions.adopt("2026-11-26.2")
        versions.adopt("2026-11-26.1")
        assert add(versions, learnt, 4, keep=1) == ["2026-11-26.3"]
        assert versions.names() == [f"2026-11-26.{number}" for number in (1, 2, 4)]
        assert versions.back() == "2026-11-26.2"


@pytest.mark.parametrize("text", ["", "[]", '{"history": []}', '{"history": ["../x"]}', "\xff"])
def test_a_damaged_note_of_what_is_in_use_is_refused_with_the_remedy(
    versions: Versions, text: str
) -> None:
    versions.folder.mkdir(parents=True)
    (versions.folder / IN_USE).write_text(text, encoding="latin-1")
    with pytest.raises(ModelError, match="models adopt shipped"):
        versions.file_in_use()
    assert versions.files_before() == []
    with versions.held():
        versions.adopt(SHIPPED)
    assert versions.in_use() == SHIPPED


def test_those_that_judged_before_are_known_the_last_first_and_each_once(
    versions: Versions, learnt: Version
) -> None:
    assert versions.files_before() == []
    with versions.held():
        for number in (1, 2, 3):
            add(versions, learnt, number)
        for number in (1, 2, 1, 3):
            versions.adopt(f"2026-11-26.{number}")
    files = [versions.folder / f"2026-11-26.{number}.npz" for number in (1, 2)]
    assert versions.files_before() == [*files, None]


def test_only_one_learns_or_adopts_at_a_time(versions: Versions) -> None:
    with (
        versions.held(),
        pytest.raises(RefusedError, match="another lesson"),
        Versions(versions.folder.parent).held(),
    ):
        pass
