"""What lies in incoming and is not sorted: content decides where a name does not, all is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from config.junk import JUNK
from daemon.domain.left_alone import sentences
from daemon.folders.tree import MAX_DEPTH, Tree
from daemon.intake.admission import Admission
from daemon.intake.watcher import Watcher
from daemon.reporting.history import story_in_words, story_json
from tests.support.core import Core, tiny_photo


class Door:
    """A core whose photos come in as they do in the service."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.watcher = Watcher(
            Tree(core.incoming), observer="polling", rescan_seconds=300, ignore=JUNK
        )
        self.admission = Admission(Tree(core.incoming), self.watcher, core.store, core.clock, 5.0)
        self.watcher.start()

    def look(self) -> None:
        """Look at everything; what was seen settles."""
        self.watcher.rescan()
        while self.watcher.scanning:
            self.admission.take_in()
        self.core.clock.advance(6)
        self.admission.take_in()

    @property
    def queued(self) -> int:
        return self.core.store.queue.waiting(self.core.clock.steady()).queued


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    core = Core(tmp_path, inline=True)
    door = Door(core)
    yield door
    door.watcher.stop()
    core.stop()


def test_a_photo_without_an_extension_is_sorted(door: Door) -> None:
    door.core.drop("IMG_0007", tiny_photo("Shirts", 1))
    door.core.drop("return 60521 at 10.44.55", tiny_photo("Shirts", 2))
    door.look()
    assert door.admission.left_alone(0.0).not_photos == 0
    assert door.core.drain()["successful"] == 2
    assert (door.core.sorted / "Shirts" / "IMG_0007").exists()


def test_what_is_no_photo_is_named_and_stays(door: Door) -> None:
    door.core.drop("photos.zip", b"PK\x03\x04")
    door.core.drop("t/readme", b"Please call back.")
    door.core.drop("empty", b"")
    door.core.drop("IMG_0001.AAE", b"<plist/>")  # a photo's companion
    door.core.drop("@Recycle/x.jpg", b"junk")
    door.look()
    door.look()
    left = door.admission.left_alone(0.0)
    assert left.not_photos == 3
    assert {*left.names} == {"photos.zip", "t/readme", "empty"}
    assert (door.queued, door.admission.settling) == (0, 0)


def test_a_file_without_an_extension_that_becomes_a_photo_is_sorted(door: Door) -> None:
    door.core.drop("IMG_0007", b"")
    door.look()
    door.core.drop("IMG_0007", tiny_photo("Shirts", 1))
    door.look()
    assert door.queued == 1
    assert door.admission.left_alone(0.0).not_photos == 0


def test_one_that_was_taken_away_is_named_no_more(door: Door) -> None:
    door.core.drop("readme", b"Please call back.").unlink()
    door.core.drop("other", b"Please call back.")
    door.look()
    (door.core.incoming / "other").unlink()
    door.look()
    assert door.admission.left_alone(0.0).not_photos == 0


def test_a_photo_that_a_program_holds_open_is_named_with_how_long(door: Door) -> None:
    photo = door.core.drop("t/return-1.jpg", tiny_photo("Shirts", 1))
    with photo.open("ab"):
        for _ in range(20):
            door.look()
        (held,) = door.admission.left_alone(60.0).held
        assert held.name == "t/return-1.jpg"
        assert held.seconds >= 100
        assert door.admission.left_alone(1000.0).held == ()
    door.look()
    assert door.admission.left_alone(0.0).held == ()
    assert door.queued == 1


def test_a_photo_that_is_tried_again_for_hours_is_named_with_why(
    door: Door,
) -> None:
    door.core.drop("t/return-1.png", tiny_photo("Shirts", 1)[:-12])  # its end never comes
    door.core.drop("return-2.png", tiny_photo("Shirts", 2))
    door.look()
    for _ in range(4):
        door.core.work()
        door.core.clock.advance(120)
    door.core.drainer.close(settling=0)
    assert door.admission.left_alone(3600.0).held == ()
    (held,) = door.admission.left_alone(300.0).held
    assert (held.name, held.why) == ("t/return-1.png", "its end is missing")
    assert held.seconds >= 360
    (text,) = sentences(door.admission.left_alone(300.0))
    assert text.startswith("1 photo is tried again and again: t/return-1.png (for ")
    (story,) = door.core.store.history.stories("return-1.png")
    told = story_in_words(story, [], lambda _, place: place, UTC)
    assert "tried    again and again since 13 Oct 2025 02:00: its end is missing" in told
    assert story_json(story, [])["failing_why"] == "its end is missing"
    door.core.clock.advance(600)
    door.core.drain()
    assert door.admission.left_alone(0.0).held == ()
    (story,) = door.core.store.history.stories("return-1.png")
    assert story_json(story, [])["failing_since"] is None


def test_a_photo_too_deep_to_be_found_is_told(door: Door) -> None:
    deep = "/".join(f"o{number}" for number in range(MAX_DEPTH + 6))
    door.core.drop(f"{deep}/return-1.jpg", tiny_photo())
    door.core.drop("return-2.jpg", tiny_photo("Shirts", 2))
    door.look()
    ((place, why),) = door.admission.left_alone(0.0).unreadable.items()
    assert place == "/".join(f"o{number}" for number in range(MAX_DEPTH + 1))
    assert why == f"more than {MAX_DEPTH} folders deep: move it up"
    assert door.queued == 1
