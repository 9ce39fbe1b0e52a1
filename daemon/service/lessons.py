"""Lessons by themselves: when enough was said, and nobody says more; never beside the sorting.

The lesson is held by a process of its own. What is sorted meanwhile ends it, and it is begun again
later. Its candidate is adopted here, if the settings say so, and told by the alerts.
"""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta
from typing import Any

import structlog

from config.errors import NightsortError
from config.learning import LearningSettings
from config.settings import Settings
from daemon.domain.clock import Clock
from daemon.domain.effects import effect_of
from daemon.domain.examples import LearningStatus
from daemon.folders.child_processes import end, own
from daemon.sorting.lesson_process import Task
from daemon.sorting.model_slot import ModelSlot
from daemon.sorting.version_copies import copy_versions
from daemon.sorting.versions import Versions
from daemon.store import Store

log = structlog.get_logger()

_LOOK_SECONDS = 10.0  # between two looks at how much was said
_RUNS_LOOKED_AT = 40
_LONGEST_SECONDS = 600.0
_TRY_AGAIN_SECONDS = 3600.0


class Lessons:
    """Holds lessons when they are due. For one thread."""

    def __init__(self, store: Store, slot: ModelSlot, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._slot = slot
        self._settings = settings
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0  # steady seconds
        self._until = ""  # when the newest of its examples was said
        self._look_at = self._try_at = float("-inf")
        self._known: LearningStatus | None = None
        self._known_at = float("-inf")

    def take(self, settings: Settings) -> None:
        """From now on these settings hold."""
        self._settings = settings

    def step(self) -> None:
        """Begin a lesson that is due, or take what has come of one. Nobody may be sorting."""
        if self._process is not None:
            self._look_after(self._process)
            return
        now = self._clock.steady()
        if now < max(self._look_at, self._try_at):
            return
        self._look_at = now + min(_LOOK_SECONDS, 60 * self._learning.calm_minutes)
        copy_versions(self._store, Versions(self._settings.state_dir))
        if self._is_due():
            self._begin()

    def give_way(self) -> None:
        """End a lesson that is being held: there is something else to do."""
        if self._process is not None:
            end(self._process)
            self._process = None
            log.info("lesson_put_off")

    def status(self) -> LearningStatus:
        """What people should know; looked up now and then only."""
        now = self._clock.steady()
        if self._known is None or now - self._known_at >= _LOOK_SECONDS:
            network, last = self._slot.model.network, self._store.examples.last_lesson()
            since = last["until"] if last else ""
            new, _ = self._store.examples.count_since(since, network)
            every, _ = self._store.examples.count_since("", network)
            runs = [*self._store.runs.summaries(limit=_RUNS_LOOKED_AT)][::-1]
            self._known = {
                "adopt": self._learning.adopt,
                "examples": every,
                "new": new,
                "last": last,
                "effect": effect_of(runs, self._slot.model.title),
            }
            self._known_at = now
        return self._known

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _learning(self) -> LearningSettings:
        return self._settings.learning

    def _is_due(self) -> bool:
        """Whether enough was said since the last lesson, and nothing more for a while."""
        if self._learning.adopt == "off":
            return False
        last = self._store.examples.last_lesson()
        since = last["until"] if last else ""
        new, newest = self._store.examples.count_since(since, self._slot.model.network)
        if new < self._learning.new_examples:
            return False
        self._until = newest
        calm = timedelta(minutes=self._learning.calm_minutes)
        return self._clock.now() - datetime.fromisoformat(newest) >= calm

    def _begin(self) -> None:
        settings = self._settings
        task = Task(
            state_dir=settings.state_dir,
            model_dir=settings.model_dir,
            bands=settings.bands,
            learning=settings.learning,
        )
        try:
            self._process = process = subprocess.Popen(  # noqa: S603 - our own code
                own("daemon.sorting.lesson_process"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us
            )
            assert process.stdin is not None
            process.stdin.write(task.model_dump_json().encode())  # less than a pipe holds
            process.stdin.close()
        except OSError as exc:
            self._fail(f"no process could be started: {exc.strerror}")
            return
        self._began = self._clock.steady()
        log.info("lesson_begun")

    def _look_after(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            if self._clock.steady() - self._began > _LONGEST_SECONDS:
                end(process)
                self._process = None
                self._fail("it took too long")
            return
        self._process = None
        assert process.stdout is not None
        with process.stdout as stdout:
            answer = stdout.read()
        try:
            document = json.loads(answer)
        except ValueError:
            self._fail(f"its process ended early, with code {process.returncode}")
            return
        if "error" in document:
            self._fail(document["error"])
        else:
            self._conclude(document)

    def _conclude(self, document: dict[str, Any]) -> None:
        document["adopted"] = False
        is_better = document["judgement"] == "better" and document["is_compared"]
        if self._learning.adopt == "auto" and is_better:
            document["adopted"] = self._adopt(document["version"])
        held = self._store.examples.learnt(document, self._until, self._clock.now(), by_itself=True)
        self._known = None
        told = {key: held[key] for key in ("version", "judgement", "why", "new", "adopted")}
        log.info("lesson_learnt", **told)

    def _adopt(self, version: str) -> bool:
        """Judge with it from now on; False, and as before, where that cannot be."""
        versions = Versions(self._settings.state_dir)
        try:
            with versions.held():
                versions.adopt(version)
                if not self._slot.change():
                    copy_versions(self._store, versions, "nightsort, by itself")
                    return True
                versions.back()
        except NightsortError as exc:
            log.error("model_refused", in_use=self._slot.model.title, why=str(exc))
        return False

    def _fail(self, why: str) -> None:
        self._process = None
        self._try_at = self._clock.steady() + _TRY_AGAIN_SECONDS
        log.error("lesson_failed", why=why)
