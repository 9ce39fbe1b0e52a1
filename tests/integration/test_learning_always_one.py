"""Whatever is brought, taken away, learnt, adopted, taken back, restarted or killed in between:
one version is in use, whole, and judges; and the history says which gave each verdict."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.bundle import Bundle
from classifier.classifier import Classifier
from classifier.version import Version, load_version
from config.errors import NightsortError
from config.learning import LearningSettings
from daemon.domain.examples import Brought
from daemon.domain.orders import Adopt, GoBack
from daemon.service import adoption
from daemon.service.adoption import Adoption
from daemon.sorting import lessons, versions
from daemon.sorting.lessons import hold_lesson
from daemon.sorting.versions import SHIPPED, Versions
from tests.support.classifiers import ScriptedClassifier
from tests.support.core import Core, by_tone, tiny_photo
from tests.support.lessons import Before, made_up, made_up_base, photos
from tests.unit.daemon.service.test_adoption import a_settings

LABELS = ("Sandals", "Lamps")
EACH = 20
NETWORK = ScriptedClassifier.network
KEPT = LearningSettings(keep_versions=3)


class Killed(BaseException):
    """The process ends here."""


def die(*_: object) -> NoReturn:
    raise Killed


@cache
def bundle() -> Bundle:
    with tempfile.TemporaryDirectory(prefix="nightsort-test-") as folder:
        return made_up(Path(folder))


@dataclass
class Judge(Before):
    """What `hold_lesson` wants of a classifier, without a network."""

    bundle: Bundle | None = None


class World:
    """A daemon's core whose model is the version in use, and what should be known of it."""

    def __init__(self, folder: Path) -> None:
        self.core = Core(folder, inline=True)
        self.versions = Versions(self.core.state)
        self.said: dict[str, str] = {}  # the version in use when each photo was judged
        self._begin()

    def _begin(self) -> None:
        self.core.slot.take(self._load)
        self.adoption = Adoption(self.core.slot, self.core.store, a_settings(self.core.state))

    def _load(self) -> ScriptedClassifier:
        version = self._version()
        return ScriptedClassifier(by_tone, title=version.card.name if version else SHIPPED)

    def _version(self) -> Version | None:
        path = self.versions.file_in_use()
        return None if path is None else load_version(path, bundle())

    def restart(self) -> None:
        self.core.restart()
        self.core.drainer.recover()
        self._begin()

    def bring(self, label: str) -> None:
        """Photos of a kind, said to be that."""
        store, network = self.core.store.examples, NETWORK
        seen = enumerate(photos(label, EACH, seed=1))
        store.bring(
            [_brought(label, at, one.tobytes()) for at, one in seen], "Anna", _now(), network
        )

    def take_away(self, label: str) -> None:
        self.core.store.examples.remove_brought(None, label)

    def learn(self) -> None:
        """Hold a lesson, and see that it was of all that is kept."""
        examples, version = self.core.store.examples, self._version()
        kept, stock = examples.usable(NETWORK), examples.stock(NETWORK)
        categories = version.card.categories if version else Before.categories
        judge = Judge(categories, version, None, bundle())
        with self.versions.held():
            held = hold_lesson(cast(Classifier, judge), self.versions, KEPT, kept, stock)
        if held.version is not None:
            card = load_version(self.versions.file(held.version), bundle()).card
            assert card.examples == Counter(one.label for one in kept)

    def judge(self) -> None:
        """A photo comes, and is judged."""
        name = f"return-{len(self.said)}.png"
        self.core.drop(name, tiny_photo("Shirts", len(self.said)))
        self.core.drain()
        self.said[name] = self.versions.in_use()

    def change(self, number: int) -> None:
        """Adopt one of those that there are."""
        names = [SHIPPED, *self.versions.names()]
        self.adoption.carry_out(Adopt(names[number % len(names)]), "Anna")

    def is_killed(self, where: str, doing: Callable[[], None]) -> None:
        with killed(where):
            doing()
        self.restart()

    def check(self) -> None:
        version = self._version()  # raises where it is not whole
        assert self.core.slot.model.title == self.versions.in_use()
        assert (version.card.name if version else SHIPPED) == self.versions.in_use()
        for name, said in self.said.items():
            (story,) = self.core.store.history.stories(name)
            assert story.model == said
        assert {row["filename"] for row in self.core.all_rows()} == {*self.said}


def _now() -> datetime:
    return datetime(2026, 11, 27, tzinfo=UTC)


def _brought(label: str, at: int, features: bytes) -> Brought:
    name = f"{label}-{at}.jpg"
    return Brought(sha256(name.encode()).hexdigest(), name, label, "", features)


@contextmanager
def killed(where: str) -> Iterator[None]:
    """The process is killed at a point of what is done within."""
    places = {
        "before it is in use": (versions, "replacing"),
        "before the version is whole": (Version, "save"),
        "before it is copied": (adoption, "copy_versions"),
    }
    with pytest.MonkeyPatch.context() as patch:
        target: tuple[Any, str] = places[where]
        patch.setattr(*target, die)
        with suppress(Killed):
            yield


DEATHS = ["before it is in use", "before the version is whole", "before it is copied"]
STEPS = st.one_of(
    st.tuples(st.sampled_from(["bring", "take away"]), st.sampled_from(LABELS)),
    st.tuples(st.just("change"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["learn", "back", "judge", "restart"]), st.none()),
    st.tuples(st.just("killed learning"), st.just(DEATHS[1])),
    st.tuples(st.just("killed adopting"), st.sampled_from([DEATHS[0], DEATHS[2]])),
)


def step(world: World, what: str, how: Any) -> None:
    acts: dict[str, Callable[[], object]] = {
        "bring": lambda: world.bring(how),
        "take away": lambda: world.take_away(how),
        "change": lambda: world.change(how),
        "back": lambda: world.adoption.carry_out(GoBack(), "Anna"),
        "learn": world.learn,
        "judge": world.judge,
        "restart": world.restart,
        "killed learning": lambda: world.is_killed(how, world.learn),
        "killed adopting": lambda: world.is_killed(how, lambda: world.change(1)),
    }
    acts[what]()


@pytest.fixture(autouse=True)
def without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def tries(_settings: object, path: Path | None) -> None:
        if path is not None:
            load_version(path, bundle())

    monkeypatch.setattr(adoption, "try_out", tries)
    monkeypatch.setattr(lessons, "load_base", lambda _: made_up_base(60))


def after(steps: list[tuple[str, Any]]) -> Counter[str]:
    """Take the steps, and see after each that all is as it must be; returns who judged."""
    with tempfile.TemporaryDirectory(prefix="nightsort-test-") as folder:
        world = World(Path(folder))
        try:
            for what, how in steps:
                with suppress(NightsortError):
                    step(world, what, how)
                world.check()
        finally:
            world.core.stop()
        return Counter(world.said.values())


def test_a_day_of_learning() -> None:
    steps = [
        ("bring", "Sandals"), ("judge", None), ("learn", None), ("change", 1), ("judge", None),
        ("bring", "Lamps"), ("killed learning", DEATHS[1]), ("judge", None), ("learn", None),
        ("change", 2), ("judge", None), ("back", None), ("judge", None), ("restart", None),
        ("take away", "Sandals"), ("learn", None), ("killed adopting", DEATHS[0]), ("judge", None),
        ("back", None), ("judge", None),
    ]  # fmt: skip
    judged = after(steps)
    assert judged.pop(SHIPPED) == 2
    assert sorted(judged.values()) == [1, 4]


@settings(deadline=None, max_examples=12)
@given(st.lists(STEPS, max_size=12))
def test_one_version_is_in_use_and_the_history_says_which_gave_each_verdict(
    steps: list[tuple[str, Any]],
) -> None:
    after([("bring", LABELS[0]), ("learn", None), ("judge", None), *steps, ("judge", None)])
