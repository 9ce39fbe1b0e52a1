"""Requests by people without a shell: something named RUN NOW, dropped into incoming, starts a run.

It may be an empty folder or a short text file, with any extension but an image's. It disappears,
and a note with the outcome takes its place, which goes away by itself. What was asked for and
which notes lie there is in the store, so that neither gets lost when the service restarts.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from config.errors import NightsortError
from config.readable import plain
from config.texts import text_of
from daemon.domain.clock import Clock
from daemon.domain.left_alone import LeftAlone, sentences
from daemon.domain.photos import Fingerprint
from daemon.domain.phrases import outcome_words
from daemon.domain.request_names import is_request_name
from daemon.domain.speech import ENGLISH, Speech
from daemon.domain.summaries import DrainSummary
from daemon.folders.open_writers import has_writers
from daemon.folders.own_files import NOTE_PREFIX
from daemon.folders.tree import Tree, fingerprint_of
from daemon.store import Facts

log = structlog.get_logger()

MOST_BYTES = 1023
NOTE_LIFE = timedelta(hours=1)
# Names are read again when the folder changed, and now and then where its time does not tell.
_LISTING_SECONDS = 60.0
_REST_PER_LISTING = 20.0
_FACT = "run_now"
# What no text holds, as photos do in their first few bytes.
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")


class RunNow:
    """Looks for requests in incoming, and leaves notes there."""

    def __init__(
        self,
        incoming: Tree,
        facts: Facts,
        clock: Clock,
        settle_seconds: float,
        left_alone: Callable[[], LeftAlone] = LeftAlone,
        say: Speech = ENGLISH,
    ) -> None:
        """left_alone: says what lies in incoming and is not sorted, for the note.

        say: how notes speak.
        """
        self._say = say
        self._left_alone = left_alone
        self._incoming = incoming
        self._facts = facts
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._answer: Future[DrainSummary] | None = None
        self._settling: dict[str, tuple[Fingerprint, float]] = {}
        self._kept: dict[str, Fingerprint] = {}  # what looked like a request, but was left alone
        self._listed: int | None = None  # the folder's time when its names were read
        self._list_at = float("-inf")
        self._list_anyway_at = float("-inf")
        known = facts.get(_FACT) or {"asked_at": None, "notes": {}}
        self._asked_at: str | None = known["asked_at"]
        self._notes: dict[str, dict[str, str]] = known["notes"]

    def check(self, ask: Callable[[], Future[DrainSummary]]) -> None:
        """Take requests, call `ask` for a run, note its outcome, remove old notes.

        Raises TransientError when incoming does not answer.
        """
        self._remove_old_notes()
        if self._answer is not None and self._answer.done():
            self._note_outcome(self._answer)
        if self._take() or (self._asked_at and self._answer is None):
            self._asked_at = self._asked_at or self._clock.now().isoformat()
            self._save()
            self._answer = self._answer or ask()

    # --- requests --------------------------------------------------------------------------------

    def _take(self) -> bool:
        """Remove the requests that are settled; whether there was one."""
        now = self._clock.steady()
        taken = False
        for name, seen in self._candidates():
            before, since = self._settling.get(name, (None, now))
            if seen != before:
                self._settling[name] = (seen, now)
            elif now - since >= self._settle_seconds:
                del self._settling[name]
                taken |= self._remove(name, seen)
        return taken

    def _candidates(self) -> Iterator[tuple[str, Fingerprint]]:
        self._list_if_due()
        for name in list(self._settling):
            found = self._incoming.stat(name)
            if found is not None and _may_be_request(found):
                yield name, _mark(found)
            else:
                del self._settling[name]

    def _list_if_due(self) -> None:
        """Look for names of requests among those in incoming."""
        began = self._clock.steady()
        if began < self._list_at:
            return
        with self._incoming.folder() as folder:
            changed = os.fstat(folder).st_mtime_ns
            if changed == self._listed and began < self._list_anyway_at:
                return
            with os.scandir(folder) as entries:
                names = [entry.name for entry in entries if is_request_name(entry.name)]
        self._listed = changed
        ended = self._clock.steady()
        self._list_at = ended + (ended - began) * _REST_PER_LISTING
        self._list_anyway_at = ended + _LISTING_SECONDS
        for name in names:
            found = self._incoming.stat(name)
            if found is not None and self._kept.get(name) != _mark(found):
                self._settling.setdefault(name, (_mark(found), self._clock.steady()))

    def _remove(self, name: str, seen: Fingerprint) -> bool:
        """Remove a request; what turns out to be none, or cannot be removed, stays."""
        try:
            with self._incoming.folder() as folder:
                if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    os.rmdir(name, dir_fd=folder)  # refuses a folder that holds anything
                elif self._is_short_text(name, seen):
                    os.unlink(name, dir_fd=folder)
                else:
                    self._kept[name] = seen
                    return False
        except OSError as exc:
            self._kept[name] = seen
            if exc.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                log.warning("run_request_kept", name=name, why=exc.strerror)
            return False
        log.info("run_requested", name=name)
        return True

    def _is_short_text(self, name: str, seen: Fingerprint) -> bool:
        try:
            descriptor = self._incoming.open_file(name)
        except (OSError, NightsortError):
            return False
        try:
            is_same = fingerprint_of(os.fstat(descriptor)) == seen
            data = os.read(descriptor, MOST_BYTES + 1)
            is_short = len(data) <= MOST_BYTES
            return is_same and is_short and _is_text(data) and not has_writers(descriptor)
        finally:
            os.close(descriptor)

    # --- notes -----------------------------------------------------------------------------------

    def _note_outcome(self, answer: Future[DrainSummary]) -> None:
        self._answer = None
        if answer.cancelled():
            return  # the service stops; the next one does what was asked for
        error = answer.exception()
        say = self._say
        failed = "" if error is None else say("notes.failed", why=error)
        outcome = failed or outcome_words(answer.result(), say)
        self._asked_at = None
        self._leave_note("\r\n".join([outcome, *map(plain, sentences(self._left_alone(), say))]))

    def _leave_note(self, outcome: str) -> None:
        now = self._clock.now()
        until = now + NOTE_LIFE
        name = self._free_name(f"{NOTE_PREFIX}{now:%H-%M}")
        goes_away = self._say("notes.goes_away", until=f"{until:%H:%M}")
        text = f"{outcome}\r\n{goes_away}\r\n"
        # Remembered first: after a crash, too, it will go away.
        self._notes[name] = {"text": text, "until": until.isoformat()}
        self._save()
        try:
            with self._incoming.folder() as folder:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(name, flags, 0o664, dir_fd=folder)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(text.encode("utf-8"))
        except OSError as exc:
            log.warning("note_not_written", name=name, why=exc.strerror)

    def _free_name(self, wanted: str) -> str:
        names = (f"{wanted}{f' ({n})' if n else ''}.txt" for n in range(1000))
        return next(name for name in names if not self._incoming.exists(name))

    def _remove_old_notes(self) -> None:
        now = self._clock.now()
        old = {
            name: note
            for name, note in self._notes.items()
            # A clock that was set back must not keep them for ever.
            if not now < datetime.fromisoformat(note["until"]) <= now + NOTE_LIFE
        }
        for name, note in old.items():
            self._remove_note(name, note["text"])
            del self._notes[name]
        if old:
            self._save()

    def _remove_note(self, name: str, text: str) -> None:
        """Remove a note, unless somebody wrote something else there."""
        expected = text.encode("utf-8")
        with suppress(OSError, NightsortError):
            descriptor = self._incoming.open_file(name)
            try:
                is_ours = os.read(descriptor, len(expected) + 1) == expected
            finally:
                os.close(descriptor)
            if is_ours:
                with self._incoming.folder() as folder:
                    os.unlink(name, dir_fd=folder)

    def _save(self) -> None:
        self._facts.remember(_FACT, {"asked_at": self._asked_at, "notes": self._notes})


def _is_text(data: bytes) -> bool:
    """Whether an editor wrote this, in whatever encoding; what is no Unicode may be an old one."""
    try:
        text = text_of(data)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return _NO_TEXT.search(text) is None


def _may_be_request(found: os.stat_result) -> bool:
    is_short = stat.S_ISREG(found.st_mode) and found.st_size <= MOST_BYTES
    return stat.S_ISDIR(found.st_mode) or is_short


def _mark(found: os.stat_result) -> Fingerprint:
    """By what a request is known again; a folder that was full once stays what it is."""
    if stat.S_ISDIR(found.st_mode):
        return Fingerprint(found.st_ino, 0, 0)
    return fingerprint_of(found)
