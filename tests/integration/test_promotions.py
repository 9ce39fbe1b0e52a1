"""Versions that are promoted: who may, what a station fetches, and what becomes of it there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from structlog.testing import capture_logs

from classifier.bundle import Bundle
from classifier.classifier import Classifier
from classifier.learning.base import load_base
from classifier.learning.lesson import Example, Request, learn
from classifier.pixels import decode
from classifier.version import Version, load_version
from config.errors import RefusedError
from config.learning import LearningSettings
from config.settings import Settings
from daemon.domain.examples import Kept, Occasion
from daemon.domain.learning_words import why_words
from daemon.domain.lessons import Lesson, Wanted
from daemon.domain.orders import CancelLesson, Learn, Speaker
from daemon.domain.promotions import Promoted
from daemon.domain.speech import speech
from daemon.maintenance.audit import look_through_store
from daemon.mirror import promotions, schema
from daemon.mirror.exchange import Exchange, promoted_of
from daemon.mirror.postgres import MirrorRefused, connect
from daemon.service.lessons import Lessons
from daemon.service.promotions import Promotions
from daemon.sorting.lessons import refused
from daemon.sorting.promoted import file_of_promoted, hold_promoted
from daemon.sorting.versions import Versions, load_classifier
from daemon.store import Store
from daemon.store.facts import PROMOTED
from tests.support.core import Core, running
from tests.support.fleet import DATABASE, Stations, fleet_of
from tests.support.photos import photo_bytes
from tests.support.postgres import Cluster, cluster
from tests.support.waiting import eventually

NAME = "2026-11-26.1"
HERE = f"{NAME}@hamburg"
DAY = datetime(2026, 11, 26, tzinfo=UTC)
ROLES = {
    "hamburg_box": schema.STATION_ROLE, "office": schema.READER_ROLE,
    "head": schema.PROMOTER_ROLE,
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


def seen_by(classifier: Classifier, seeds: range) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Drawn photos as the network sees them: a lamp or a vase, by their brightness."""
    pictures = [decode(photo_bytes(seed=seed)) for seed in seeds]
    bright = [float(one.pixels.mean()) for one in pictures]
    labels = ["Lamps" if light < np.median(bright) else "Vases" for light in bright]
    found = classifier.examine(pictures)
    return [(label, features) for label, (_, features) in zip(labels, found, strict=True)]


@pytest.fixture(scope="module")
def learnt(classifier: Classifier) -> Version:
    """What Hamburg learnt: lamps and vases."""
    told = [
        Example(f"h{at}", features, label)
        for at, (label, features) in enumerate(seen_by(classifier, range(40)))
    ]
    request = Request(name=NAME, learnt="2026-11-26T20:00:00+01:00")
    found = learn(load_base(classifier.bundle), classifier.bundle, told, request)
    assert found.version is not None
    return found.version


@pytest.fixture(scope="module")
def own(classifier: Classifier) -> list[Kept]:
    """What Berlin's people said of forty other photos."""
    return [
        Kept(
            None, f"{at}.jpg", label, Occasion.UPLOAD, "anna", "2026-11-27T09:00:00+00:00", "",
            sha256(str(at).encode()).hexdigest(), features.tobytes(),
        )
        for at, (label, features) in enumerate(seen_by(classifier, range(100, 140)))
    ]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folders = {f"{one}_dir": tmp_path / one for one in ("incoming", "sorted", "results", "state")}
    (tmp_path / "state").mkdir()
    return Settings.model_validate(folders)


def came(settings: Settings, version: Version) -> Promoted:
    """It was fetched."""
    path = file_of_promoted(settings.state_dir)
    path.parent.mkdir(exist_ok=True)
    version.save(path)
    return {
        "id": 1, "station": "hamburg", "name": HERE, "person": "anna", "state": "came",
        "sha256": sha256(path.read_bytes()).hexdigest(), "judgement": "", "why": "",
        "adopted": False,
    }  # fmt: skip


def held(
    settings: Settings, kept: list[Kept], promoted: Promoted, classifier: Classifier
) -> dict[str, Any]:
    versions = Versions(settings.state_dir)
    with versions.held():
        found = hold_promoted(classifier, settings, LearningSettings(), kept, promoted)
    return {**found.named({})}


# --- what a station makes of it ------------------------------------------------------------------


def test_one_that_is_better_on_own_photos_is_a_candidate_that_names_where_it_is_from(
    settings: Settings, own: list[Kept], learnt: Version, classifier: Classifier
) -> None:
    document = held(settings, own, came(settings, learnt), classifier)
    assert (document["version"], document["judgement"]) == (HERE, "better")
    assert document["photos"] == len(own)
    assert document["why"].endswith("compared on this station's own photos")
    assert document["why"].startswith("promoted by anna, learnt at hamburg; of ")
    german = why_words(document["why"], speech("de"))
    assert german.startswith("angeboten von anna, gelernt am Standort hamburg; von ")
    assert german.endswith("verglichen an den eigenen Fotos dieses Standorts")
    assert document["new_labels"] == ["Lamps", "Vases"]
    assert document["became_right"][0].endswith(".jpg")
    versions = Versions(settings.state_dir)
    assert versions.names() == [HERE]
    assert versions.in_use() == "shipped"
    with versions.held():
        versions.adopt(HERE)
        assert load_classifier(settings).title == f"fashion {HERE}"
        assert versions.back() == "shipped"
        assert versions.new_name(DAY) == "2026-11-26.1"


def test_one_that_is_worse_on_own_photos_is_not_taken(
    settings: Settings, own: list[Kept], learnt: Version, classifier: Classifier
) -> None:
    others = {"Lamps": "Vases", "Vases": "Lamps"}
    here = learnt.card.model_copy(update={"name": "2026-11-20.1"})
    versions = Versions(settings.state_dir)
    with versions.held():
        versions.add(replace(learnt, card=here), 10)
        versions.adopt("2026-11-20.1")
    swapped = replace(
        learnt,
        card=learnt.card.model_copy(
            update={"categories": tuple(others.get(one, one) for one in learnt.card.categories)}
        ),
        head=replace(
            learnt.head,
            categories=tuple(others.get(one, one) for one in learnt.head.categories),
        ),
    )
    document = held(settings, own, came(settings, swapped), load_classifier(settings))
    assert (document["version"], document["judgement"]) == (None, "worse")
    assert versions.names() == ["2026-11-20.1"]


def test_with_too_few_own_photos_nothing_is_claimed(
    settings: Settings, own: list[Kept], learnt: Version, classifier: Classifier
) -> None:
    for kept in ([], own[:12]):
        document = held(settings, kept, came(settings, learnt), classifier)
        assert (document["version"], document["judgement"]) == (HERE, "as good")
        why = f"only {len(kept)} photos are this station's own, and 20 are needed to say more"
        assert document["why"].endswith(why)
        assert why not in why_words(document["why"], speech("de"))


def test_one_over_another_network_and_one_that_is_damaged_are_refused(
    settings: Settings, own: list[Kept], learnt: Version, classifier: Classifier
) -> None:
    base = learnt.card.base.model_copy(update={"sha256": "0" * 64, "version": "2030.1"})
    other = replace(learnt, card=learnt.card.model_copy(update={"base": base}))
    document = held(settings, own, came(settings, other), classifier)
    assert (document["version"], document["judgement"]) == (None, "refused")
    assert "was learnt over fashion 2030.1" in document["why"]
    promoted = came(settings, learnt)
    with file_of_promoted(settings.state_dir).open("r+b") as file:
        file.truncate(2000)
    document = held(settings, own, promoted, classifier)
    assert "not those that were promoted" in document["why"]
    document = held(settings, own, {**promoted, "sha256": _hash(settings)}, classifier)
    assert (document["version"], document["judgement"]) == (None, "refused")
    assert Versions(settings.state_dir).names() == []


def test_the_same_once_more_is_taken_and_another_of_that_name_never_takes_its_place(
    settings: Settings, own: list[Kept], learnt: Version, classifier: Classifier
) -> None:
    versions = Versions(settings.state_dir)
    for _ in range(2):
        assert held(settings, own, came(settings, learnt), classifier)["version"] == HERE
    with versions.held():
        versions.adopt(HERE)
    judges = versions.file(HERE).read_bytes()
    card = learnt.card.model_copy(update={"learnt": "2026-11-26T23:00:00+01:00"})
    other = came(settings, replace(learnt, card=card))
    document = held(settings, own, other, load_classifier(settings))
    assert (document["version"], document["judgement"]) == (None, "refused")
    assert f"there is another version {HERE} here" in document["why"]
    assert versions.file(HERE).read_bytes() == judges


def test_one_that_is_replaced_while_it_is_compared_is_not_taken_under_its_name(
    settings: Settings,
    own: list[Kept],
    learnt: Version,
    classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    promoted = came(settings, learnt)
    card = learnt.card.model_copy(update={"name": "2026-11-27.1"})

    def meanwhile(path: Path, bundle: Bundle) -> Version:
        replace(learnt, card=card).save(file_of_promoted(settings.state_dir))
        return load_version(path, bundle)

    monkeypatch.setattr("daemon.sorting.promoted.load_version", meanwhile)
    document = held(settings, own, promoted, classifier)
    assert (document["version"], document["judgement"]) == (None, "refused")
    assert Versions(settings.state_dir).names() == []


def _hash(settings: Settings) -> str:
    return sha256(file_of_promoted(settings.state_dir).read_bytes()).hexdigest()


# --- the service has it compared -----------------------------------------------------------------


def waiting(core: Core, learnt: Version) -> Lessons:
    """A daemon's lessons, beside a version that came."""
    folders = {"incoming_dir": core.incoming, "sorted_dir": core.sorted,
               "results_dir": core.results, "state_dir": core.state}  # fmt: skip
    settings = Settings.model_validate({**folders, "learning": {"adopt": "auto"}})
    core.store.facts.remember(PROMOTED, came(settings, learnt))
    return Lessons(core.store, core.slot, settings, core.clock)


def over(core: Core, lessons: Lessons) -> Promoted:
    def is_over() -> bool:
        lessons.step()
        found = promoted_of(core.store)
        return found is not None and found["state"] == "over"

    eventually(is_over)
    found = promoted_of(core.store)
    assert found is not None
    return found


def test_it_is_compared_once_and_with_too_few_photos_never_adopted_by_itself(
    tmp_path: Path, learnt: Version
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        lessons = waiting(core, learnt)
        found = over(core, lessons)
        assert (found["judgement"], found["adopted"]) == ("as good", False)
        assert Versions(core.state).names() == [HERE]
        assert Versions(core.state).in_use() == "shipped"
        (lesson,) = core.store.lessons.newest(10)
        assert lesson.result is not None
        assert (lesson.result["version"], lesson.by_itself) == (HERE, True)
        # Nothing was learnt: what people said since the last lesson waits for the next.
        assert core.store.examples.last_lesson() is None
        core.clock.advance(7200)
        lessons.step()
        assert not lessons.is_wanted


def test_it_gives_way_to_sorting_to_people_and_to_a_stop_and_comes_again(
    tmp_path: Path, learnt: Version
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        lessons = waiting(core, learnt)
        lessons.step()
        lessons.step()
        lessons.give_way()
        under_way = core.store.lessons.under_way()
        assert under_way is not None
        assert under_way.wanted.promoted == HERE
        asked = lessons.carry_out(Learn(Wanted()), Speaker("anna"))
        assert asked.code is None
        lessons.carry_out(CancelLesson(asked.lesson), Speaker("anna"))
        lessons.step()
        lessons.stop()
        again = Lessons(core.store, core.slot, core.settings(), core.clock)
        assert over(core, again)["judgement"] == "as good"


def test_one_that_somebody_cancels_is_not_begun_again_at_once(
    tmp_path: Path, learnt: Version
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        lessons = waiting(core, learnt)
        lessons.step()
        under_way = core.store.lessons.under_way()
        assert under_way is not None
        lessons.carry_out(CancelLesson(under_way.id), Speaker("anna"))
        lessons.step()
        assert not lessons.is_wanted
        core.clock.advance(3601)
        lessons.step()
        assert core.store.lessons.under_way() is not None
        lessons.stop()


def test_one_that_is_withdrawn_before_its_comparison_begins_is_not_taken(
    tmp_path: Path, learnt: Version
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        lessons = waiting(core, learnt)
        lessons.step()
        lessons.give_way()
        core.store.facts.remember(PROMOTED, {**came(core.settings(), learnt), "state": "over"})

        def is_over() -> bool:
            lessons.step()
            return core.store.lessons.under_way() is None

        eventually(is_over)
        assert "withdrawn meanwhile" in core.store.lessons.newest(1)[0].why
        assert Versions(core.state).names() == []


class Better:
    """A process that has found what was promoted to be better."""

    progress, until, began = 0.0, "", 0.0

    def __init__(self, lesson: Lesson, *_: object) -> None:
        self.lesson, self.process = lesson, self

    def poll(self) -> int:
        return 0

    def said(self) -> list[dict[str, Any]]:
        found = {**refused("fashion", "better"), "version": HERE, "judgement": "better"}
        return [{"document": found, "until": "", "sha256": HASH}]

    def close(self) -> None:
        pass


HASH = "a" * 64


def compared(core: Core, learnt: Version, monkeypatch: pytest.MonkeyPatch) -> Lessons:
    """Of a daemon where what was promoted is just compared, and is better."""
    monkeypatch.setattr("daemon.service.lessons._Held", Better)
    lessons = waiting(core, learnt)
    core.store.facts.remember(PROMOTED, {**came(core.settings(), learnt), "sha256": HASH})
    versions = Versions(core.state)
    with versions.held():
        versions.add(replace(learnt, card=learnt.card.model_copy(update={"name": HERE})), 10)
    lessons.step()
    return lessons


def withdraw(core: Core) -> None:
    known = core.store.promoted.known()
    assert known is not None
    withdrawn: Promoted = {**known, "state": "over", "why": "withdrawn"}
    assert core.store.promoted.replace(known, withdrawn, DAY)


def test_one_that_is_better_is_adopted_by_itself(
    tmp_path: Path, learnt: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        found = over(core, compared(core, learnt, monkeypatch))
        assert (found["judgement"], found["adopted"]) == ("better", True)
        assert Versions(core.state).in_use() == HERE


def test_one_that_is_withdrawn_while_it_is_compared_is_not_adopted(
    tmp_path: Path, learnt: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        lessons = compared(core, learnt, monkeypatch)
        withdraw(core)
        lessons.step()
        assert not lessons.is_wanted
        assert Versions(core.state).in_use() == "shipped"
        found = promoted_of(core.store)
        assert found is not None
        assert (found["why"], found["judgement"], found["adopted"]) == ("withdrawn", "", False)


def test_another_that_comes_while_one_is_compared_is_compared_next(
    tmp_path: Path, learnt: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        lessons = compared(core, learnt, monkeypatch)
        core.store.facts.remember(PROMOTED, came(core.settings(), learnt))
        lessons.step()
        assert Versions(core.state).in_use() == "shipped"
        found = promoted_of(core.store)
        assert found is not None
        assert found["state"] == "came"


def test_one_that_is_withdrawn_while_it_is_adopted_is_told_as_adopted(
    tmp_path: Path, learnt: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(Core(tmp_path, inline=True)) as core:
        lessons = compared(core, learnt, monkeypatch)
        adopt = lessons.adoption.adopt

        def meanwhile(name: str, person: str) -> None:
            adopt(name, person)
            withdraw(core)

        monkeypatch.setattr(lessons.adoption, "adopt", meanwhile)
        lessons.step()
        found = promoted_of(core.store)
        assert found is not None
        assert (found["judgement"], found["adopted"]) == ("better", True)
        assert Versions(core.state).in_use() == HERE


def test_one_that_is_withdrawn_before_its_comparison_ends_is_no_version_here(
    settings: Settings, own: list[Kept], learnt: Version, classifier: Classifier
) -> None:
    def withdrawn() -> None:
        raise RefusedError("withdrawn")

    promoted, versions = came(settings, learnt), Versions(settings.state_dir)
    with versions.held(), pytest.raises(RefusedError, match="withdrawn"):
        hold_promoted(classifier, settings, LearningSettings(), own, promoted, withdrawn)
    assert versions.names() == []


# --- there and back ------------------------------------------------------------------------------


@pytest.fixture
def fleet(tmp_path: Path, server: Cluster, learnt: Version) -> Iterator[Stations]:
    """Hamburg, which learnt something, and Berlin, which did not."""
    with fleet_of(tmp_path, server) as stations:
        for station in ("hamburg", "berlin"):
            stations.night(station, 1)
        versions = Versions(stations.shop("hamburg").state)
        with versions.held():
            versions.add(learnt, 10)
        exchange(stations, "hamburg")
        yield stations


def exchange(fleet: Stations, station: str, *, is_wanted: bool = True) -> None:
    shop = fleet.shop(station)
    with closing(connect(fleet.server.address(DATABASE))) as postgres:
        Exchange(station, shop.state, is_wanted=is_wanted).step(postgres, shop.store)


def promote(fleet: Stations, version: str = NAME, station: str = "hamburg") -> int:
    with closing(connect(fleet.server.address(DATABASE))) as postgres:
        return promotions.promote(postgres, station, version, "anna").id


def _known(fleet: Stations, station: str) -> Promoted:
    found = promoted_of(fleet.shop(station).store)
    assert found is not None
    return found


def state(fleet: Stations, station: str) -> str | None:
    found = promoted_of(fleet.shop(station).store)
    return None if found is None else found["state"]


@pytest.mark.servers
def test_versions_are_copied_and_go_with_their_files(fleet: Stations) -> None:
    asked = "SELECT station, name, base, categories, is_in_use FROM nightsort.versions"
    ((station, name, base, categories, in_use),) = fleet.server.ask(DATABASE, asked)
    assert (station, name, in_use) == ("hamburg", NAME, False)
    assert base.startswith("fashion ")
    assert categories > 2
    versions = Versions(fleet.shop("hamburg").state)
    with versions.held():
        versions.adopt(NAME)
    exchange(fleet, "hamburg")
    assert fleet.server.ask(DATABASE, asked)[0][4] is True
    versions.file(NAME).write_bytes(b"damaged")
    exchange(fleet, "hamburg")
    assert fleet.server.ask(DATABASE, asked) == []


@pytest.mark.servers
def test_a_folder_that_cannot_be_looked_into_leaves_what_is_there(
    fleet: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Versions) -> list[str]:
        raise RefusedError("not yours")

    monkeypatch.setattr(Versions, "names", refused)
    exchange(fleet, "hamburg")
    assert fleet.server.ask(DATABASE, "SELECT name FROM nightsort.versions") == [(NAME,)]


@pytest.mark.servers
def test_what_was_promoted_is_fetched_once_by_who_wants_it(fleet: Stations) -> None:
    number = promote(fleet)
    assert promote(fleet) == number
    exchange(fleet, "berlin", is_wanted=False)
    assert state(fleet, "berlin") is None
    exchange(fleet, "hamburg")
    assert state(fleet, "hamburg") == "own"
    with capture_logs() as logs:
        exchange(fleet, "berlin")
        exchange(fleet, "berlin")
    assert [one["event"] for one in logs] == ["promotion_fetched"]
    shop = fleet.shop("berlin")
    path = file_of_promoted(shop.state)
    assert path.read_bytes() == Versions(fleet.shop("hamburg").state).file(NAME).read_bytes()
    assert Versions(shop.state).names() == []
    shop.store.facts.remember(PROMOTED, {**_known(fleet, "berlin"), "state": "over"})
    shop.restart()
    exchange(fleet, "berlin")
    assert not path.exists()
    assert state(fleet, "berlin") == "over"


@pytest.mark.servers
def test_a_mirror_that_was_made_anew_counts_anew_and_what_it_offers_is_fetched(
    fleet: Stations,
) -> None:
    promote(fleet)
    exchange(fleet, "berlin")
    over = {**_known(fleet, "berlin"), "state": "over", "sha256": "0" * 64}
    fleet.shop("berlin").store.facts.remember(PROMOTED, over)
    exchange(fleet, "berlin")
    assert state(fleet, "berlin") == "came"


@pytest.mark.servers
def test_what_a_restored_backup_knows_of_and_has_no_file_of_is_fetched_before_it_is_compared(
    fleet: Stations,
) -> None:
    promote(fleet)
    exchange(fleet, "berlin")
    shop = fleet.shop("berlin")
    path = file_of_promoted(shop.state)
    content = path.read_bytes()
    path.unlink()
    compared = Promotions(shop.store, shop.clock, path)
    assert compared.due() is None
    exchange(fleet, "berlin")
    assert path.read_bytes() == content
    assert compared.due() is not None


@pytest.mark.servers
def test_what_was_withdrawn_before_it_was_compared_is_left(fleet: Stations) -> None:
    promote(fleet)
    exchange(fleet, "berlin")
    with closing(connect(fleet.server.address(DATABASE))) as postgres:
        promotions.withdraw(postgres, "anna")
        promotions.withdraw(postgres, "anna")
        assert promotions.newest(postgres) is None
    assert fleet.server.ask(DATABASE, "SELECT count(*) FROM nightsort.promotions") == [(2,)]
    exchange(fleet, "berlin")
    assert state(fleet, "berlin") == "over"
    with pytest.raises(RefusedError, match=r"no version 1999-1\.1 of station hamburg"):
        promote(fleet, "1999-1.1")


@pytest.mark.servers
def test_what_the_loop_says_while_it_is_withdrawn_stays(
    fleet: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(fleet)
    exchange(fleet, "berlin")
    store = fleet.shop("berlin").store

    def meanwhile(_: Store) -> Promoted:
        before = _known(fleet, "berlin")
        adopted: Promoted = {**before, "state": "over", "judgement": "better", "adopted": True}
        assert store.promoted.replace(before, adopted, DAY)
        return before

    with closing(connect(fleet.server.address(DATABASE))) as postgres:
        promotions.withdraw(postgres, "anna")
    monkeypatch.setattr("daemon.mirror.exchange.promoted_of", meanwhile)
    exchange(fleet, "berlin")
    monkeypatch.undo()
    exchange(fleet, "berlin")
    found = _known(fleet, "berlin")
    assert (found["judgement"], found["adopted"], found["why"]) == ("better", True, "")


@pytest.mark.servers
def test_what_was_fetched_is_in_the_audit_chain_with_who_promoted_it(fleet: Stations) -> None:
    promote(fleet)
    exchange(fleet, "berlin")
    exchange(fleet, "berlin")
    store = fleet.shop("berlin").store
    (row,) = (one for one in store.audit.rows() if one.kind == "fetched")
    assert row.told is not None
    assert json.loads(row.told) == {"version": HERE, "sha256": _known(fleet, "berlin")["sha256"]}
    assert row.person == "anna"
    assert look_through_store(store).bad_row is None


@pytest.mark.servers
def test_bytes_that_changed_on_the_way_are_refused_and_not_fetched_again(fleet: Stations) -> None:
    promote(fleet)
    fleet.server.ask(DATABASE, "UPDATE nightsort.promotions SET content = 'other'")
    with capture_logs() as logs:
        exchange(fleet, "berlin")
        exchange(fleet, "berlin")
    assert [one["event"] for one in logs] == ["promotion_refused"]
    assert state(fleet, "berlin") == "over"
    assert not file_of_promoted(fleet.shop("berlin").state).exists()


@pytest.mark.servers
@pytest.mark.parametrize(
    "name",
    ["../../incoming/2026-11-26.1", "../in-use", "2026-11-26.1@../x", ".hidden", "a@berlin "],
)
def test_a_name_that_is_none_of_a_versions_is_refused_and_nothing_is_fetched(
    fleet: Stations, name: str
) -> None:
    fleet.server.ask(DATABASE, f"UPDATE nightsort.versions SET name = '{name}'")
    promote(fleet, name)
    with capture_logs() as logs:
        exchange(fleet, "berlin")
        exchange(fleet, "berlin")
    assert [one["event"] for one in logs] == ["promotion_refused"]
    found = _known(fleet, "berlin")
    assert (found["state"], found["judgement"]) == ("over", "refused")
    assert found["why"] == "it is not called as a version of a station is"
    assert not file_of_promoted(fleet.shop("berlin").state).exists()


@pytest.mark.servers
def test_one_that_would_fill_the_memory_is_not_fetched(
    fleet: Stations, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(fleet)
    monkeypatch.setattr("daemon.mirror.promotions.LARGEST_BYTES", 1000)
    exchange(fleet, "berlin")
    assert _known(fleet, "berlin")["why"] == "it is larger than a version is"


@pytest.mark.servers
def test_a_card_that_no_column_can_hold_stops_no_copying(fleet: Stations, learnt: Version) -> None:
    card = learnt.card.model_copy(
        update={
            "name": "2026-11-27.1@lyon", "learnt": "to\0day", "examples": {"Lamps": 2**40},
            "figures": {"judgement": {"better": True}},
        }
    )  # fmt: skip
    versions = Versions(fleet.shop("berlin").state)
    with versions.held():
        versions.add(replace(learnt, card=card), 10)
    exchange(fleet, "berlin")
    asked = "SELECT learnt, examples, judgement FROM nightsort.versions WHERE station = 'berlin'"
    assert fleet.server.ask(DATABASE, asked) == [("to\ufffdday", 2**31 - 1, None)]


@pytest.mark.servers
def test_a_promoted_version_outlives_the_stations_own_copy(fleet: Stations) -> None:
    promote(fleet)
    fleet.server.ask(DATABASE, "DELETE FROM nightsort.stations WHERE name = 'hamburg'")
    exchange(fleet, "berlin")
    assert state(fleet, "berlin") == "came"


@pytest.mark.servers
def test_only_a_promoter_promotes_and_in_its_own_name(
    tmp_path: Path, server: Cluster, learnt: Version
) -> None:
    for role in (schema.STATION_ROLE, schema.READER_ROLE, schema.PROMOTER_ROLE):
        server.ask("postgres", f"CREATE ROLE {role}")
    for role, group in ROLES.items():
        server.ask("postgres", f"CREATE ROLE {role} LOGIN IN ROLE {group}")
    try:
        with fleet_of(tmp_path, server) as fleet:
            server.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.address(DATABASE),
                       "-c", schema.script())  # fmt: skip
            fleet.shop("hamburg")
            fleet.copy("hamburg", "hamburg_box")
            versions = Versions(fleet.shop("hamburg").state)
            with versions.held():
                versions.add(learnt, 10)
            _check_rights(fleet, versions)
    finally:
        server.ask("postgres", f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        for role in (*ROLES, *ROLES.values()):
            server.ask("postgres", f"DROP ROLE {role}")


def _check_rights(fleet: Stations, versions: Versions) -> None:
    address = fleet.server.address
    with closing(connect(address(DATABASE, "hamburg_box"))) as box:
        promotions.copy_versions(box, "hamburg", versions)
        with pytest.raises(MirrorRefused, match="permission denied"):
            promotions.promote(box, "hamburg", NAME, "box")
    with (
        closing(connect(address(DATABASE, "office"))) as reader,
        pytest.raises(MirrorRefused, match="permission denied"),
    ):
        promotions.promote(reader, "hamburg", NAME, "office")
    with closing(connect(address(DATABASE, "head"))) as head:
        assert promotions.promote(head, "hamburg", NAME, "anna").person == "anna"
    for statement in (
        "UPDATE nightsort.promotions SET person = 'x'",
        "DELETE FROM nightsort.promotions",
        "DELETE FROM nightsort.versions",
        "SELECT * FROM nightsort.photos",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            fleet.server.ask(DATABASE, statement, "head")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        fleet.server.ask(
            DATABASE,
            "INSERT INTO nightsort.promotions (station, version, sha256, base, content, person,"
            " role) VALUES ('a', 'b', '', '', '', 'x', 'test')",
            "head",
        )
    for role in ("hamburg_box", "office"):
        found = fleet.server.ask(DATABASE, "SELECT person FROM nightsort.promotions", role)
        assert found == [("anna",)]


@pytest.mark.servers
def test_the_fleet_s_page_tells_whether_it_judges_there_now_and_not_what_was_once(
    fleet: Stations, learnt: Version
) -> None:
    promote(fleet)
    exchange(fleet, "berlin")
    shop, versions = fleet.shop("berlin"), Versions(fleet.shop("berlin").state)
    with versions.held():
        versions.add(replace(learnt, card=learnt.card.model_copy(update={"name": HERE})), 10)

    def outcome(*, adopted: bool) -> str:
        exchange(fleet, "berlin")
        over: Promoted = {
            **_known(fleet, "berlin"), "state": "over", "judgement": "better", "adopted": adopted,
        }  # fmt: skip
        shop.store.facts.remember(PROMOTED, over)
        fleet.say("berlin")
        fleet.look()
        return fleet.desk.get("/page/fleet/promoted.csv").text.splitlines()[1]

    assert "better there; waits for an admin" in outcome(adopted=False)
    with versions.held():
        versions.adopt(HERE)
    assert "judges there now" in outcome(adopted=False)
    assert "judges there now" in outcome(adopted=True)
    with versions.held():
        versions.back()
    assert "judges no more" in outcome(adopted=True)


@pytest.mark.servers
def test_a_reader_at_head_office_sees_versions_and_cannot_promote(fleet: Stations) -> None:
    fleet.say("hamburg")
    promote(fleet)
    exchange(fleet, "berlin")
    fleet.say("berlin")
    fleet.look()
    page = fleet.desk.get("/").text
    assert "2026-11-26.1 of hamburg is offered to all stations, by anna" in page
    assert "is to compare it" in page
    assert "Offer to all" not in page
    assert "2026-11-26.1@hamburg" in fleet.desk.get("/page/fleet/promoted.csv").text
    assert NAME in fleet.desk.get("/page/fleet/versions.csv").text
    answer = fleet.desk.ask("POST", "/page/promotion", data={"station": "a", "version": "b"})
    assert answer.status_code == 403
