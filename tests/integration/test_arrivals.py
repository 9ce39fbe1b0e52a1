"""Photos that were sent come into incoming whole, under a free name, with who sent them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.errors import DiskFull, FolderUnavailable
from config.junk import JUNK
from daemon.domain.corrections import Via
from daemon.domain.orders import Speaker
from daemon.domain.sent import ReceivedAnswer, SentFile
from daemon.folders.contents import copy_bytes
from daemon.folders.tree import Tree
from daemon.intake import arrivals
from daemon.intake.arrivals import PARTIAL, Arrivals
from daemon.intake.screening import Screening
from daemon.store import Admissions
from tests.support.core import Core, running, tiny_photo
from tests.support.desk import Crash

ANNA = Speaker("Anna", Via.PAGE)
LIMIT = 100_000


@dataclass
class Door:
    """A core, the spool of a page, and what takes photos out of that."""

    core: Core

    def __post_init__(self) -> None:
        self.spool = self.core.state / "web" / "spool"
        (self.spool / "0a").mkdir(parents=True)

    def arrivals(self) -> Arrivals:
        core = self.core
        trees = Tree(core.state), Tree(core.incoming)
        return Arrivals(*trees, core.store, LIMIT, Screening(JUNK), core.clock)

    def send(self, *files: tuple[str, bytes]) -> ReceivedAnswer:
        sent = []
        for number, (name, content) in enumerate(files):
            (self.spool / "0a" / str(number)).write_bytes(content)
            sent.append(SentFile(f"0a/{number}", name))
        return self.arrivals().take(sent, ANNA)

    def incoming(self) -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in self.core.incoming.iterdir()}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with running(Core(tmp_path, inline=True)) as core:
        yield Door(core)


def photo(number: int = 0, category: str = "Shirts") -> bytes:
    return tiny_photo(category, number)


def test_a_photo_comes_in_is_known_at_once_and_who_sent_it_stays_with_it(door: Door) -> None:
    with capture_logs() as logs:
        answer = door.send(("return_60521_front.png", photo()))
    assert [(one.name, one.path) for one in answer.received] == [
        ("return_60521_front.png", "return_60521_front.png")
    ]
    assert logs == [
        {"event": "photo_received", "log_level": "info", "name": "return_60521_front.png",
         "by": "Anna", "via": "page"}
    ]  # fmt: skip
    assert door.incoming() == {"return_60521_front.png": photo()}
    assert door.core.take_in() == []  # the look that follows finds nothing new
    (waiting,) = door.core.store.history.stories("return_60521_front.png")
    assert (waiting.state, waiting.sent_by, waiting.sent_via) == ("queued", "Anna", "page")
    door.core.drain()
    (filed,) = door.core.store.history.stories("return_60521_front.png")
    assert (filed.state, filed.sent_by) == ("filed", "Anna")
    assert (door.core.sorted / "Shirts" / "return_60521_front.png").read_bytes() == photo()


def test_a_photo_that_came_by_the_share_has_no_sender(door: Door) -> None:
    door.core.drop("a.png", photo())
    door.core.drain()
    assert door.core.store.history.stories("a.png")[0].sent_by == ""


def test_no_file_is_ever_written_over(door: Door) -> None:
    door.core.drop("a.png", b"of somebody else")
    (door.core.incoming / "b.png").symlink_to("a.png")
    answer = door.send(*(("a.png", photo(n)) for n in range(30)), ("b.png", photo(99)))
    names = [one.path for one in answer.received]
    assert names[:3] == ["a (2).png", "a (3).png", "a (4).png"]
    assert names[-1] == "b (2).png"
    assert len(set(names)) == 31
    found = door.incoming()
    assert found["a.png"] == b"of somebody else"
    assert [found[name] for name in names] == [photo(n) for n in (*range(30), 99)]


def test_what_is_no_photo_is_refused_by_its_content_and_keeps_no_other_from_it(door: Door) -> None:
    answer = door.send(
        ("text.png", b"only what somebody noted"),
        ("empty.png", b""),
        ("large.png", photo() + bytes(LIMIT)),
        ("a.png", photo()),
    )
    assert [one.path for one in answer.received] == ["a.png"]
    assert [(one.name, one.code) for one in answer.refused] == [
        ("text.png", "not_an_image"),
        ("empty.png", "truncated"),
        ("large.png", "too_large"),
    ]
    assert door.incoming() == {"a.png": photo()}


def test_nothing_but_plain_files_of_the_spool_is_read(door: Door) -> None:
    secret = door.core.state / "secret.png"
    secret.write_bytes(photo())
    (door.spool / "0a" / "0").symlink_to(secret)
    os.link(secret, door.spool / "0a" / "1")
    os.mkfifo(door.spool / "0a" / "2")
    (door.spool / "0b").symlink_to(door.core.state)
    names = ("0a/0", "0a/1", "0a/2", "0a/3", "0b/4")
    (door.core.state / "4").write_bytes(photo())
    answer = door.arrivals().take([SentFile(one, "a.png") for one in names], ANNA)
    assert not answer.received
    assert [one.code for one in answer.refused] == ["unreadable"] * 5
    assert door.incoming() == {}


@pytest.mark.parametrize("spooled", ["../a/0", "0a/../1", "/etc/passwd", "0a", "0a/0/1", "0A/0"])
def test_a_place_that_is_none_in_a_spool_is_no_order(spooled: str) -> None:
    with pytest.raises(ValueError, match="spooled must be"):
        SentFile(spooled, "a.jpg")


@pytest.mark.parametrize("point", ["copy_bytes", "rename_new", "sync_folder"])
def test_a_crash_leaves_no_half_photo_and_what_it_left_goes_with_the_next(
    door: Door, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def die(*_: Any) -> None:
        raise Crash(point)

    monkeypatch.setattr(arrivals, "drop", lambda _: None)  # nothing runs any more
    monkeypatch.setattr(arrivals, point, die)
    with pytest.raises(Crash):
        door.send(("a.png", photo()))
    monkeypatch.undo()
    seen = [one.path for one in door.core.sightings()]
    assert seen == (["a.png"] if point == "sync_folder" else [])
    partials = [name for name in door.incoming() if PARTIAL.fullmatch(name)]
    assert len(partials) == (0 if point == "sync_folder" else 1)
    door.send(("b.png", photo(1)))
    assert sorted(door.incoming()) == [*seen, "b.png"]


def test_a_disk_that_fills_half_way_keeps_what_came_and_says_so_of_the_rest(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [1]

    def copy(*given: Any) -> str:
        if not left:
            raise DiskFull("incoming: no space left")
        left.pop()
        return copy_bytes(*given)

    monkeypatch.setattr(arrivals, "copy_bytes", copy)
    answer = door.send(*((f"{n}.png", photo(n)) for n in range(3)))
    assert [one.path for one in answer.received] == ["0.png"]
    assert [(one.name, one.code) for one in answer.refused] == [
        ("1.png", "unavailable"),
        ("2.png", "unavailable"),
    ]
    assert door.incoming() == {"0.png": photo(0)}
    with pytest.raises(DiskFull):
        door.send(("3.png", photo(3)))


def test_a_photo_that_lies_in_incoming_came_even_if_it_cannot_be_noted(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is told otherwise sends it again."""

    def refuse(*_: object) -> None:
        raise DiskFull("state_dir: no space left")

    monkeypatch.setattr(Admissions, "admit_sent", refuse)
    with capture_logs() as logs:
        answer = door.send(("a.png", photo()))
    assert [one.path for one in answer.received] == ["a.png"]
    assert [one["event"] for one in logs] == ["photo_received_unnoted", "photo_received"]
    assert [str(one) for one in door.core.take_in()] != []  # the next look admits it
    assert door.incoming() == {"a.png": photo()}


def test_a_photo_that_has_its_name_came_even_if_the_folder_cannot_be_flushed(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(arrivals, "sync_folder", fail)
    with capture_logs() as logs:
        answer = door.send(("a.png", photo()))
    assert [one.path for one in answer.received] == ["a.png"]
    assert [one["event"] for one in logs] == ["photo_received_unnoted", "photo_received"]
    assert door.incoming() == {"a.png": photo()}


def test_without_incoming_nothing_is_taken(door: Door) -> None:
    door.core.incoming.rename(door.core.incoming.with_name("away"))
    with pytest.raises(FolderUnavailable):
        door.send(("a.png", photo()))


def test_what_comes_in_has_the_rights_that_the_process_gives(door: Door) -> None:
    before = os.umask(0o007)
    try:
        door.send(("a.png", photo()))
    finally:
        os.umask(before)
    assert stat.S_IMODE((door.core.incoming / "a.png").stat().st_mode) == 0o660
