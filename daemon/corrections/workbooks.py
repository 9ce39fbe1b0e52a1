"""Workbooks that people decide in: what stands under *Your decision* is carried out.

A workbook of nightsort that somebody saved in results_dir is read once after each time it was
saved, under whatever name, sorted, filtered or with rows deleted: each row carries its photo's
number. What is done shows as done once nobody has the workbook open; what cannot be read, or was
decided otherwise by somebody else, is told in a note beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import get_args

import structlog

from config.catalogue import Language
from config.errors import FolderRefused, PhotoBusy, PhotoError
from config.readable import plain
from daemon.corrections.answers import NoSuchCategory, NoSuchPhoto
from daemon.corrections.corrector import Corrector
from daemon.corrections.decisions import Decisions
from daemon.domain.again import said_again
from daemon.domain.clock import Clock
from daemon.domain.corrections import Correction, Via
from daemon.domain.orders import Decision, Speaker
from daemon.domain.photos import Fingerprint, Story, as_text
from daemon.domain.speech import ENGLISH, Speech, speech
from daemon.folders.contents import drop
from daemon.folders.names import compare_key, with_suffix
from daemon.folders.renaming import Entry
from daemon.folders.spreadsheets import Row, UnreadableWorkbook, read_sheets
from daemon.folders.tree import Tree
from daemon.folders.writing import BOM, replacing
from daemon.reporting.workbook import DONE, cell_text
from daemon.store import Store

log = structlog.get_logger()

NOTE_SUFFIX = ".note.txt"
_READ = (".xlsx", ".xlsm")
# What Excel and LibreOffice may save ours as.
_OTHERS = (".ods", ".fods", ".xls", ".xlsb", ".numbers")
_OURS = "batch_results_"
# In whatever language a workbook was written, also before the setting was another.
_LANGUAGES = tuple(map(speech, get_args(Language)))
_PHOTO, _DECISION, _NUMBER = (f"workbook.column.{key}" for key in ("photo", "decision", "number"))
_ASKING = ("to_decide", "spot_checks")  # the sheets that people answer on
_MOST_BYTES = 300_000_000
_MOST_AT_ONCE = 20
# Each moves a photo, and nobody else is served meanwhile: the rest is for the next look.
_MOST_DECISIONS = 50
_MOST_ROWS_ABOVE = 20  # people put a line or two above the titles
_LONGEST_NOTE = 200
# A file that cannot be read may still be on its way; so long after nobody wrote to it, it is told.
_SAVING_SECONDS = 60.0


class _Left(Exception):
    """What a row says cannot be done; says why."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What stands in one row."""

    book: Speech  # the language of its workbook
    row: int
    number: str
    photo: str
    text: str


@dataclass(slots=True)
class _Read:
    """What became of a workbook's decisions."""

    done: int = 0
    left: list[str] = field(default_factory=list)
    is_whole: bool = True  # else it is to be read again: photos are in use, or it was too much


class Workbooks:
    """Reads what people decided in workbooks."""

    def __init__(
        self,
        store: Store,
        results: Tree,
        corrector: Corrector,
        decisions: Decisions,
        clock: Clock,
        say: Speech = ENGLISH,
    ) -> None:
        """say: how notes speak."""
        self._say = say
        self._store = store
        self._results = results
        self._corrector = corrector
        self._decisions = decisions
        self._clock = clock
        self._done: dict[str, int] = {}  # of workbooks that are not through yet
        self.has_more = False  # whether the last look left something for the next, which is due

    def notice(self) -> int:
        """Carry out what was saved since the last look, some of it at a time; how many decisions.

        Raises TransientError when a folder does not answer; what is left is read the next time.
        """
        names = [name for name in self._results.names() if _is_workbook(name)]
        self._store.workbooks.forget_others(map(as_text, names))
        changed = []
        for name in names:
            seen = self._results.seen(name)
            known = as_text(name)
            if seen is not None and not self._store.workbooks.is_known(known, seen):
                changed.append((seen.mtime_ns, name, seen))
        newest = sorted(changed, reverse=True)[:_MOST_AT_ONCE]
        self.has_more = False
        return sum(self._take(name, seen) for _, name, seen in newest)

    # --- one workbook ----------------------------------------------------------------------------

    def _take(self, name: str, seen: Fingerprint) -> int:
        """Read one, do what it says, tell what cannot be done."""
        try:
            said = self._said_in(name)
        except (FileNotFoundError, PhotoBusy):
            return 0  # it is being saved: perhaps the next time
        except (UnreadableWorkbook, PhotoError) as exc:
            if time.time() - seen.mtime_ns / 1e9 < _SAVING_SECONDS:
                return 0
            why = str(exc).rstrip(".")
            told = self._say("notes.book.not_readable", why=self._again(why))
            self._tell(name, _Read(left=[told]))
            log.warning("workbook_not_readable", file=as_text(name), why=why)
        else:
            result = self._carry_out(name, said)
            done = result.done
            if result.is_whole:
                result.done += self._done.pop(name, 0)
                self._tell(name, result)
                if result.done or result.left:
                    counts = {"done": result.done, "left": len(result.left)}
                    log.info("workbook_read", file=as_text(name), **counts)
                self._store.workbooks.know(as_text(name), seen)
            else:
                self._done[name] = self._done.get(name, 0) + done
            return done
        self._store.workbooks.know(as_text(name), seen)
        return 0

    def _said_in(self, name: str) -> list[_Said]:
        if name.lower().endswith(_OTHERS):
            raise UnreadableWorkbook("only .xlsx is read")
        with os.fdopen(self._results.open_file(name), "rb") as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                raise UnreadableWorkbook("it is too large")
            try:
                return list(_decisions(file))
            except OSError:  # held by the program that saves it, or the disk fails
                raise FileNotFoundError from None

    def _carry_out(self, name: str, said: list[_Said]) -> _Read:
        result = _Read()
        by = Speaker(plain(as_text(name))[:100], Via.WORKBOOK)
        for one in said:
            if result.done >= _MOST_DECISIONS:
                result.is_whole, self.has_more = False, True
                break
            try:
                result.done += self._act(one, by)
            except PhotoBusy:
                result.is_whole = False
            except (_Left, FolderRefused) as exc:
                result.left.append(self._row(one, str(exc)))
            except NoSuchPhoto as exc:
                result.left.append(self._row(one, exc.left.detail))
        return result

    def _row(self, said: _Said, why: str) -> str:
        """What a row says and why that was not done."""
        photo = said.photo or self._say("notes.book.no_photo")
        return self._say("notes.book.row", row=said.row, photo=photo, why=self._again(why))

    def _again(self, why: str) -> str:
        return said_again(why, self._say, "notes.detail")

    def _act(self, said: _Said, by: Speaker) -> bool:
        """Do what a row says; whether there was anything to do. Raises _Left, as orders do."""
        story = self._story(said)
        decision, category = self._meant(said)
        last = next(reversed(self._store.corrections.of(story.id)), None)
        if _is_so(story, last, decision, category):
            return False
        answer = self._decisions.decide(story.id, decision, category, by)
        for left in answer.left:
            raise _Left(left.detail)
        return True

    def _story(self, said: _Said) -> Story:
        try:
            number = int(float(said.number))
        except (ValueError, OverflowError):
            raise _Left(self._say("notes.book.no_number", title=said.book(_NUMBER))) from None
        found = [one for one in self._store.history.stories(f"#{number}") if one.id == number]
        if not found or cell_text(found[0].filename).split() != said.photo.split():
            title = said.book(_NUMBER)
            left = self._say("notes.book.other_photo", title=title, number=number)
            raise _Left(left)
        return found[0]

    def _meant(self, said: _Said) -> tuple[Decision, str]:
        text = said.text
        if (word := _words().get(compare_key(text))) is not None:
            return word, ""
        try:
            return Decision.CATEGORY, self._corrector.category(text)
        except NoSuchCategory:
            words = {"right": said.book("workbook.right"), "retake": said.book("workbook.retake")}
            left = self._say("notes.book.no_category", text=text[:60], **words)
            raise _Left(left) from None

    # --- the note --------------------------------------------------------------------------------

    def _tell(self, name: str, result: _Read) -> None:
        """Leave a note of what was left; take away one of before where nothing was."""
        note = with_suffix(name.rpartition(".")[0], NOTE_SUFFIX)
        if not result.left:
            with suppress(OSError), self._results.folder() as fd:
                drop(Entry(fd, note))
            return
        with replacing(self._results.root / note) as file:
            file.write((BOM + self._text(name, result)).encode("utf-8"))

    def _text(self, name: str, result: _Read) -> str:
        now: datetime = self._clock.now()
        say, some = self._say, result.left[:_LONGEST_NOTE]
        day, time_of_day = say.when("plain_day", now), f"{now:%H:%M}"
        lines = [
            say("notes.book.read", file=as_text(name), day=day, time=time_of_day),
            say.many("notes.book.taken_over", result.done),
            "",
            *some,
        ]
        if more := len(result.left) - len(some):
            lines.append(say.many("notes.book.more", more))
        lines += ["", say("notes.book.todo")]
        return "\r\n".join(map(plain, lines)) + "\r\n"


def _is_workbook(name: str) -> bool:
    if name.startswith((".", "~$")):
        return False
    lowered = name.lower()
    return lowered.endswith(_READ) or (lowered.startswith(_OURS) and lowered.endswith(_OTHERS))


@cache
def _words() -> dict[str, Decision]:
    """What people choose beside categories, in every language."""
    return {
        compare_key(say(f"workbook.{word}")): decision
        for say in _LANGUAGES
        for word, decision in (("right", Decision.AGREE), ("retake", Decision.RETAKE))
    }


def _decisions(file: object) -> Iterator[_Said]:
    """What people wrote in a workbook; nothing where it is none of ours."""
    books = {say(f"workbook.{sheet}"): say for say in _LANGUAGES for sheet in _ASKING}
    for name, rows in read_sheets(file):  # type: ignore[arg-type]
        if (book := books.get(name)) is None:
            continue
        titles: dict[str, int] = {}
        for number, row in rows:
            if not titles:
                titles = _titles(row, book)
                if number > _MOST_ROWS_ABOVE:
                    break
            elif said := _said(number, row, titles, book):
                yield said


def _titles(row: Row, book: Speech) -> dict[str, int]:
    """The columns that count, by their keys; none where this row does not have them all."""
    wanted = {book(key): key for key in (_PHOTO, _DECISION, _NUMBER)}
    found = {wanted[text]: column for column, text in row.items() if text in wanted}
    return found if len(found) == 3 else {}


def _said(number: int, row: Row, titles: dict[str, int], book: Speech) -> _Said | None:
    """What people wrote in a row; None where they wrote nothing, or nightsort did."""
    text = row.get(titles[_DECISION], "")
    if not text or text.startswith(DONE):
        return None
    return _Said(book, number, row.get(titles[_NUMBER], ""), row.get(titles[_PHOTO], ""), text)


def _is_so(story: Story, last: Correction | None, decision: Decision, category: str) -> bool:
    """Whether that was decided already, by whomever."""
    if story.state == "review" or last is None:
        return False
    if decision is Decision.RETAKE:
        return story.state == "retake"
    return story.state == "filed" and story.category_now == (category or story.category)
