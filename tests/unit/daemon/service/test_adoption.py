"""Adoption: whatever is tried, one version is in use, whole, and it is the one that judges."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from classifier.bundle import Bundle
from classifier.version import Version, load_version
from config.errors import ModelError
from config.settings import Settings
from daemon.domain.lessons import LearningCode
from daemon.domain.orders import Adopt, GoBack
from daemon.service import adoption as module
from daemon.service.adoption import Adoption
from daemon.sorting.model_slot import ModelSlot
from daemon.sorting.versions import SHIPPED, Versions
from daemon.store import Store
from tests.support.classifiers import ScriptedClassifier
from tests.support.lessons import examples_of, lesson, made_up

NAMES = [f"2026-11-26.{number}" for number in range(1, 4)]


@cache
def learnt() -> tuple[Bundle, Version]:
    with tempfile.TemporaryDirectory(prefix="nightsort-test-") as folder:
        bundle = made_up(Path(folder))
        found = lesson(bundle, examples_of("Sandals", 25)).version
    assert found is not None
    return bundle, found


def a_settings(state: Path) -> Settings:
    folders = {f"{name}_dir": state.parent / name for name in ("incoming", "sorted", "results")}
    return Settings.model_validate({**folders, "state_dir": state})


class World:
    """Versions, and a slot that loads the one in use, or refuses some at the last moment."""

    def __init__(self, state: Path) -> None:
        self.versions = Versions(state)
        self.refused: set[str] = set()
        self.slot = ModelSlot(self._load, count=1)
        state.mkdir(exist_ok=True)
        self.store = Store(state)
        self.adoption = Adoption(self.slot, self.store, a_settings(state))
        for name in NAMES:
            self.learn(name)

    def learn(self, name: str) -> None:
        _, version = learnt()
        card = version.card.model_copy(update={"name": name})
        with self.versions.held():
            self.versions.add(replace(version, card=card), 10)

    def damage(self, name: str) -> None:
        file = self.versions.file(name)
        file.write_bytes(file.read_bytes()[:-50])

    def _load(self) -> ScriptedClassifier:
        name = self.versions.in_use()
        if name in self.refused:
            raise ModelError(f"{name} fails its self-test")
        return ScriptedClassifier(title=name)

    def check(self) -> None:
        in_use, path = self.versions.in_use(), self.versions.file_in_use()
        assert self.slot.model.title == in_use
        assert not self.slot.problem
        if path is not None:
            assert load_version(path, learnt()[0]).card.name == in_use


def tries(_settings: object, path: Path | None) -> None:
    """As `versions.try_out`, over a bundle that has no network."""
    if path is not None:
        load_version(path, learnt()[0])


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "try_out", tries)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_version_judges_at_once_and_the_one_before_again(world: World) -> None:
    with capture_logs() as logs:
        assert world.adoption.carry_out(Adopt(NAMES[0]), "ada").in_use == NAMES[0]
        world.check()
        assert world.adoption.carry_out(GoBack(), "ada").in_use == SHIPPED
        world.check()
    told = [one for one in logs if one["event"] == "version_adopted"]
    assert [(one["version"], one["before"], one["person"]) for one in told] == [
        (NAMES[0], SHIPPED, "ada"), (SHIPPED, NAMES[0], "ada"),
    ]  # fmt: skip


def test_each_refusal_has_its_code_and_changes_nothing(world: World) -> None:
    world.damage(NAMES[1])
    world.refused.add(NAMES[2])
    for order, code in (
        (GoBack(), LearningCode.NOT_FOUND),
        (Adopt("nothing"), LearningCode.NOT_FOUND),
        (Adopt("../../etc/passwd"), LearningCode.NOT_FOUND),
        (Adopt(NAMES[1]), LearningCode.UNTRUSTED),
        (Adopt(NAMES[2]), LearningCode.UNTRUSTED),
    ):
        answer = world.adoption.carry_out(order, "ada")
        assert (answer.in_use, answer.code) == (SHIPPED, code), order
        assert answer.detail
        world.check()
    with world.versions.held():
        answer = world.adoption.carry_out(Adopt(NAMES[0]), "ada")
    assert answer.code is LearningCode.UNDER_WAY


def test_where_nobody_knows_what_was_in_use_adopting_says_it_anew(world: World) -> None:
    world.adoption.carry_out(Adopt(NAMES[0]), "ada")
    (world.versions.folder / "in-use.json").write_text("{", "utf-8")
    back = world.adoption.carry_out(GoBack(), "ada")
    assert (back.in_use, back.code) == ("", LearningCode.UNTRUSTED)
    assert world.adoption.carry_out(Adopt(NAMES[1]), "ada").in_use == NAMES[1]
    world.check()
    assert world.adoption.carry_out(GoBack(), "ada").in_use == SHIPPED


STEPS = st.one_of(
    st.tuples(
        st.sampled_from(["adopt", "damage", "refuse", "allow", "learn"]), st.sampled_from(NAMES)
    ),
    st.tuples(st.just("adopt"), st.just(SHIPPED)),
    st.tuples(st.just("back"), st.just("")),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=14))
def test_one_version_is_in_use_whole_and_judges(steps: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for what, name in steps:
            in_use = world.versions.in_use()
            match what:
                case "adopt":
                    world.adoption.carry_out(Adopt(name), "ada")
                case "back":
                    world.adoption.carry_out(GoBack(), "ada")
                case "damage" if name != in_use:
                    world.damage(name)
                case "refuse" if name != in_use:
                    world.refused.add(name)
                case "allow":
                    world.refused.discard(name)
                case "learn":
                    world.learn(name)
            world.check()
