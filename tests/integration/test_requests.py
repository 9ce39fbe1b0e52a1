"""RUN NOW, dropped into incoming: what starts a run and disappears, and what is left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from config.errors import FolderUnavailable
from daemon.domain.request_names import is_request_name
from daemon.domain.summaries import DrainSummary
from daemon.folders.own_files import is_note
from daemon.folders.tree import Tree
from daemon.intake.scan import Scan
from daemon.intake.screening import Screening
from daemon.service.run_now import RunNow
from daemon.store import Store
from tests.support.clocks import ManualClock
from tests.support.documents import part_of_summary
from tests.support.photos import photo_bytes

SETTLE_SECONDS = 5.0
SUMMARY: DrainSummary = part_of_summary(
    run="20251013_141500", successful=12, review=3, duplicates=0, failed=1, deferred=0
)


class Desk:
    """An incoming folder, and a service that remembers how often it was asked."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.incoming = folder / "incoming"
        self.incoming.mkdir()
        self.clock = ManualClock()
        self.store = store
        self.answers: list[Future[DrainSummary]] = []
        self.restart()

    def restart(self) -> None:
        self.requests = RunNow(Tree(self.incoming), self.store.facts, self.clock, SETTLE_SECONDS)

    def ask(self) -> Future[DrainSummary]:
        answer: Future[DrainSummary] = Future()
        self.answers.append(answer)
        return answer

    def check(self) -> None:
        self.requests.check(self.ask)

    def let_settle(self) -> int:
        """Let time pass as it does in the service's loop; returns how often a run was asked for."""
        for _ in range(4):
            os.utime(self.incoming)  # two changes in one tick of the disk's clock look like one
            self.check()
            self.clock.advance(SETTLE_SECONDS / 2)
        return len(self.answers)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.incoming.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "state").mkdir()
    with closing(Store(tmp_path / "state")) as store:
        yield Desk(tmp_path, store)


# Names


@pytest.mark.parametrize(
    "name",
    ["RUN NOW", "run now", "Run Now.txt", "RUN NOW.docx", "run now.", "RUN NOW.txt.txt",
     "Run Now.TXT.Txt", "RUN NOW.docx.txt", "RUN NOW.txt.txt.txt", "run now..txt", "RUN NOW.txt."],
)  # fmt: skip
def test_the_name_counts_in_any_case_and_with_any_extension(name: str) -> None:
    assert is_request_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("RUN NOW.jpg", "run now.HEIC", "RUN NOW.svg", "run now.psd", "RUN NOW.ico"),
        *("RUNNOW", "RUN NOW please", "RUN NOW.tar.gz", ".RUN NOW", "RUN NOW\n", "DO RUN NOW"),
    ],
)
def test_other_names_and_names_of_images_do_not_count(name: str) -> None:
    assert not is_request_name(name)


# What starts a run


def test_an_empty_folder_starts_a_run_and_disappears(desk: Desk) -> None:
    (desk.incoming / "RUN NOW").mkdir()
    assert desk.let_settle() == 1
    assert desk.names() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"please\r\n",
        "größe bitte".encode("latin-1"),
        b"x" * 1023,
        "bitte".encode("utf-16"),
        "bitte".encode("utf-16-le"),
        "größe".encode("utf-8-sig"),
    ],
)
def test_a_short_text_starts_a_run_and_disappears(desk: Desk, content: bytes) -> None:
    (desk.incoming / "Run Now.txt").write_bytes(content)
    assert desk.let_settle() == 1
    assert desk.names() == []


def test_two_requests_at_once_are_one_run(desk: Desk) -> None:
    (desk.incoming / "RUN NOW").mkdir()
    (desk.incoming / "run now.txt").touch()
    assert desk.let_settle() == 1
    assert desk.names() == []


# What is left alone


@pytest.mark.parametrize("content", [b"x" * 1024, photo_bytes("PNG", seed=1)[:900], b"a\0b"])
def test_what_is_long_or_no_text_is_left_alone(desk: Desk, content: bytes) -> None:
    (desk.incoming / "RUN NOW.txt").write_bytes(content)
    assert desk.let_settle() == 0
    assert (desk.incoming / "RUN NOW.txt").read_bytes() == content


def test_a_photo_of_that_name_is_left_alone(desk: Desk) -> None:
    (desk.incoming / "RUN NOW.jpg").write_bytes(b"short")
    assert desk.let_settle() == 0
    assert desk.names() == ["RUN NOW.jpg"]


def test_a_full_folder_of_that_name_is_left_alone_also_once_it_was_emptied(desk: Desk) -> None:
    folder = desk.incoming / "RUN NOW"
    folder.mkdir()
    (folder / "shirt.jpg").write_bytes(b"a photo")
    assert desk.let_settle() == 0
    (folder / "shirt.jpg").unlink()  # sorted
    assert desk.let_settle() == 0
    assert folder.is_dir()


def test_a_link_of_that_name_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (desk.incoming / "RUN NOW").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(desk.incoming / "run now")
    assert desk.let_settle() == 0
    assert desk.names() == ["RUN NOW", "run now"]
    assert (tmp_path / "elsewhere").is_dir()


def test_a_folder_that_is_being_filled_is_waited_for(desk: Desk) -> None:
    folder = desk.incoming / "RUN NOW"
    folder.mkdir()
    desk.check()
    desk.clock.advance(SETTLE_SECONDS / 2)
    (folder / "shirt.jpg").write_bytes(b"a photo")
    assert desk.let_settle() == 0
    assert (folder / "shirt.jpg").exists()


def test_a_file_that_is_still_written_to_is_left_alone(desk: Desk) -> None:
    with (desk.incoming / "RUN NOW.zip").open("wb") as file:
        file.write(b"PK the first few bytes of a large file")
        file.flush()
        assert desk.let_settle() == 0
    assert desk.names() == ["RUN NOW.zip"]


# The note


def test_the_outcome_lies_in_a_note_that_goes_away_by_itself(desk: Desk) -> None:
    (desk.incoming / "RUN NOW").mkdir()
    desk.let_settle()
    desk.answers[0].set_result(SUMMARY)
    desk.check()
    (name,) = desk.names()
    assert name.startswith("nightsort has run ")
    assert is_note(name)
    assert look_at(desk).ignored["not_a_photo"] == 0
    text = (desk.incoming / name).read_text()
    assert "12 filed, 3 to review" in text
    assert not is_request_name(name)
    desk.clock.advance(3599)
    desk.check()
    assert desk.names() == [name]
    desk.clock.advance(2)
    desk.check()
    assert desk.names() == []


def look_at(desk: Desk) -> Scan:
    look = Scan(Tree(desk.incoming), Screening([]))
    assert look.sightings(10, 60.0) == []
    assert look.done
    return look


def test_a_text_of_somebody_else_is_counted_as_no_photo(desk: Desk) -> None:
    (desk.incoming / "nightsort has run out of tape.txt").write_text("please buy some")
    assert look_at(desk).ignored["not_a_photo"] == 1


def test_a_run_that_failed_is_noted_with_the_reason(desk: Desk) -> None:
    (desk.incoming / "RUN NOW").mkdir()
    desk.let_settle()
    desk.answers[0].set_exception(FolderUnavailable("sorted is away; mount it"))
    desk.check()
    (name,) = desk.names()
    assert "sorted is away; mount it" in (desk.incoming / name).read_text()


def test_a_second_note_of_the_same_minute_gets_another_name(desk: Desk) -> None:
    (desk.incoming / "nightsort has run 02-00.txt").write_text("a clerk's own")
    for _ in range(2):
        (desk.incoming / "RUN NOW").mkdir()
        desk.let_settle()
        desk.answers[-1].set_result(SUMMARY)
        desk.check()
    assert desk.names() == [
        "nightsort has run 02-00 (1).txt",
        "nightsort has run 02-00 (2).txt",
        "nightsort has run 02-00.txt",
    ]


def test_a_note_in_which_somebody_wrote_stays(desk: Desk) -> None:
    (desk.incoming / "RUN NOW").mkdir()
    desk.let_settle()
    desk.answers[0].set_result(SUMMARY)
    desk.check()
    (name,) = desk.names()
    (desk.incoming / name).write_text("ask Anna about the three")
    desk.clock.advance(4000)
    desk.check()
    assert desk.names() == [name]


def test_a_note_goes_away_after_a_restart_and_with_a_clock_set_back(desk: Desk) -> None:
    (desk.incoming / "RUN NOW").mkdir()
    desk.let_settle()
    desk.answers[0].set_result(SUMMARY)
    desk.check()
    desk.restart()
    desk.clock.set_wall_clock(desk.clock.now() - timedelta(days=1))
    desk.check()
    assert desk.names() == []


def test_what_was_asked_for_before_a_restart_is_done_after_it(desk: Desk) -> None:
    (desk.incoming / "RUN NOW").mkdir()
    desk.let_settle()
    desk.answers[0].cancel()  # the service stops
    desk.restart()
    desk.check()
    assert len(desk.answers) == 2
    desk.answers[1].set_result(SUMMARY)
    desk.check()
    assert len(desk.names()) == 1
