"""Carrying out orders: what people ask for beside sorting, and what is to be done after a run.

The process that owns the state folder does it: the daemon between two micro-batches, or the command
itself where no daemon runs. What is only to be written is left to the report thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, cast

from config.errors import RefusedError, TransientError
from daemon.corrections.answers import NoSuchPhoto
from daemon.corrections.corrector import Corrector, new_category
from daemon.corrections.decisions import Decisions
from daemon.corrections.workbooks import Workbooks
from daemon.domain.clock import Clock
from daemon.domain.corrections import Via
from daemon.domain.forgetting import Receipt
from daemon.domain.inspection import Examine, TellSettings
from daemon.domain.order import A, Order
from daemon.domain.orders import (
    LATEST,
    AddExamples,
    Answer,
    AnyOrder,
    BadOrder,
    Code,
    Correct,
    Decide,
    Done,
    FilesAnswer,
    Forget,
    Given,
    Left,
    MakePeriodReport,
    MakeReport,
    NotePageActs,
    PhotosAnswer,
    Rebuild,
    SendTestAlert,
    Speaker,
    TakeBack,
    Undo,
)
from daemon.domain.page_acts import PageActsAnswer
from daemon.domain.photos import as_text
from daemon.folders.locks import user_name
from daemon.folders.tree import Folders
from daemon.reporting.periods import Period
from daemon.reporting.report_updater import finished_run
from daemon.reporting.run_data import MOST_IN_REVIEW
from daemon.reporting.run_files import RunResults
from daemon.service.forgetting import ForgetOrders
from daemon.store import Store
from daemon.store.changes import REPORTS

T = TypeVar("T")

# What other parts carry out, by the order's type.
Others = Mapping[type[AnyOrder], Callable[[Given], Answer]]


@dataclass(frozen=True, slots=True)
class DragPolicy:
    """How photos are looked for that people dragged on the share."""

    back: int  # how many of the newest photos, after each run
    seconds: float  # between two looks at the photos in review; 0: none


class Orders:
    """Carries out orders, and sees to it that what people did on the share is known."""

    def __init__(
        self,
        store: Store,
        corrector: Corrector,
        forgetting: ForgetOrders,
        clock: Clock,
        folders: Folders,
        look: DragPolicy,
        others: Others,
    ) -> None:
        """others: carries out what other parts know of: models, lessons, alerts, sent photos."""
        self._store = store
        self._corrector = corrector
        self._decisions = Decisions(store, corrector, clock)
        self._workbooks = Workbooks(
            store, folders.results, corrector, self._decisions, clock, corrector.say
        )
        self._forgetting = forgetting
        self._reports = forgetting.reports
        self._clock = clock
        self._folders = folders
        self._look = look
        self._others = others
        self._look_due = float("-inf")  # steady seconds

    def carry_out(self, given: Given) -> Answer | Future[FilesAnswer] | Future[Receipt]:
        """Do what was asked for; what the report thread makes is answered later.

        Raises NightsortError when it cannot be done; TransientError among them: not now.
        """
        match given.order:
            case Correct() | Decide() | TakeBack() | Undo():
                return self._about_photos(given.order, given.by)
            case Forget():
                return self._forget(given.order, given.by)
            case Rebuild() | MakeReport() | MakePeriodReport():
                return self._written(given.order)
            case NotePageActs():
                return self._note_page_acts(given.order, given.by)
            case SendTestAlert() | AddExamples() | Examine() | TellSettings():
                raise RefusedError("a run without a daemon is under way; ask again when it is over")
            case _:
                return self._by_others(given)

    def answer(self, order: Order[A]) -> A:
        """Do what whoever runs this process asks for; returns the whole answer."""
        said: Any = self.carry_out(Given(cast(AnyOrder, order), _whoever_runs_this()))
        answer: A = said.result() if isinstance(said, Future) else said
        return answer

    # --- by itself -------------------------------------------------------------------------------

    def recover(self) -> None:
        """After a start or a failure: finish, or take back, what was under way."""
        self._corrector.finish_interrupted()
        self._forgetting.resume()

    def tell(self) -> Future[None]:
        """After a run, or a start: see what people did on the share, have what is due told.

        Done when the reports are there, or cannot be made. Never raises for a folder that fails:
        the run is done and its results are complete.
        """
        if self._store.changes.runs_closed(REPORTS):
            # The report, which needs the same folders, says what is wrong with them.
            with suppress(TransientError):
                self._workbooks.notice()
            with suppress(TransientError):
                self._corrector.notice_dragged(self._look.back)
        self._reports.spoken()
        return self._reports.make_due()

    def between_runs(self) -> None:
        """Now and then: see what people decided on the share and in workbooks; have it told.

        Raises TransientError when the folder of photos or results does not answer.
        """
        self._forgetting.check(self._clock.steady())
        if not self._look.seconds or self._clock.steady() < self._look_due:
            return
        self._look_due = self._clock.steady() + self._look.seconds
        decided = self._corrector.notice_decided(MOST_IN_REVIEW)
        if decided + self._workbooks.notice():
            self._reports.spoken()
        if self._workbooks.has_more:
            self._look_due = self._clock.steady()

    # --- orders ----------------------------------------------------------------------------------

    def _about_photos(self, order: Correct | Decide | TakeBack | Undo, by: Speaker) -> PhotosAnswer:
        corrector, decisions = self._corrector, self._decisions
        match order:
            case Correct(names, category):
                return self._each(
                    names, lambda what: corrector.correct(what, category, by.person, by.via)
                )
            case Decide():
                return self._decide(order, by)
            case TakeBack(photos, upon):
                seen = dict(zip(photos, upon, strict=False))
                return self._each(
                    photos, lambda photo: decisions.take_back(photo, by, seen.get(photo))
                )
            case Undo(names):
                named = [self._run(what) if what == LATEST else what for what in names]
                return self._each(named, lambda what: corrector.undo(what, by.person, by.via))

    def _decide(self, order: Decide, by: Speaker) -> PhotosAnswer:
        category, seen = order.category, dict(zip(order.photos, order.upon, strict=False))
        if order.is_new:
            category = new_category(self._corrector, category)
        answer = self._each(
            order.photos,
            lambda photo: self._decisions.decide(
                photo, order.decision, category, by, seen.get(photo), is_new=order.is_new
            ),
        )
        with suppress(TransientError):  # it is done; how long that took is only a figure
            done = [one.photo for one in answer.done]
            self._store.looks.note(done, order.each_ms, self._clock.now().date())
        return answer

    def _each(self, photos: Sequence[T], act: Callable[[T], PhotosAnswer]) -> PhotosAnswer:
        """Act on each photo; one that cannot be acted on keeps no other from it.

        A folder or disk that fails ends it: the rest is left, unless nothing was done yet, nor is
        under way.
        """
        done: list[Done] = []
        left: list[Left] = []
        try:
            for number, what in enumerate(photos):
                try:
                    answer = act(what)
                except NoSuchPhoto as exc:
                    left.append(exc.left)
                except TransientError as exc:
                    is_open = self._is_under_way(what)
                    if not done and not left and not is_open:
                        raise
                    code = Code.UNKNOWN_OUTCOME if is_open else Code.UNAVAILABLE
                    left.append(_unavailable(what, exc, code))
                    left += [_unavailable(one, exc) for one in photos[number + 1 :]]
                    break
                else:
                    done += answer.done
                    left += answer.left
        finally:
            self._reports.spoken()
        return PhotosAnswer(tuple(done), tuple(left))

    def _is_under_way(self, what: object) -> bool:
        """Whether its move may have been begun: it is finished, or taken back, before the next."""
        try:
            moving = {one.photo_id for one in self._store.corrections.unfinished()}
        except TransientError:
            return True
        return what in moving if isinstance(what, int) else bool(moving)

    def _forget(self, order: Forget, by: Speaker) -> Future[Receipt]:
        self._corrector.finish_interrupted()
        while self._workbooks.notice() and self._workbooks.has_more:
            pass  # what people wrote in a workbook is not lost when it is made again
        return self._forgetting.carry_out(order, by)

    def _written(
        self, order: Rebuild | MakeReport | MakePeriodReport
    ) -> FilesAnswer | Future[FilesAnswer]:
        match order:
            case Rebuild(run):
                return self._rebuild(self._run(run))
            case MakeReport(run):
                return self._make_report(self._run(run))
            case MakePeriodReport(first, last):
                return self._make_period_report(first, last)

    def _note_page_acts(self, order: NotePageActs, by: Speaker) -> PageActsAnswer:
        if by.via is not Via.PAGE:
            raise RefusedError("only the page says who signed in, and who may")
        return PageActsAnswer(self._store.audit.note_page_acts(order.page, order.acts))

    def _by_others(self, given: Given) -> Answer:
        carry_out = self._others.get(type(given.order))
        if carry_out is None:
            raise RefusedError("no daemon is at work; `nightsort learn` and `models` need none")
        return carry_out(given)

    def _rebuild(self, run: str) -> FilesAnswer:
        """Results files again from the store alone, byte for byte as they were."""
        summary, folders = finished_run(self._store, run), self._folders
        folders.results.require()
        results = RunResults(folders.results.root, run, folders.incoming.root, folders.sorted.root)
        results.begin(self._store.runs.rows(run))
        results.finish(summary)
        if run == self._run(LATEST):
            results.copy_as_latest()
        return _files([results.csv_path, results.summary_path])

    def _make_report(self, run: str) -> Future[FilesAnswer]:
        """All that people read of a run again, with what was corrected since."""
        finished_run(self._store, run)
        noticed = self._workbooks.notice()
        while self._workbooks.has_more:
            noticed += self._workbooks.notice()
        if noticed + self._corrector.notice_dragged(self._look.back):
            self._reports.spoken()
        return self._reports.make(lambda updater: _files(updater.make(run)))

    def _make_period_report(self, first: date, last: date) -> Future[FilesAnswer]:
        try:
            period = Period.asked_for(first, last)
        except ValueError as exc:
            raise BadOrder(str(exc)) from exc
        return self._reports.make(lambda updater: _files([updater.make_period(period)]))

    def _run(self, named: str) -> str:
        """The run that is meant; LATEST is the newest that is closed."""
        if named != LATEST:
            return named
        newest = self._store.runs.newest()
        if newest is None:
            raise RefusedError("there is no finished run yet")
        return newest["run"]


def _whoever_runs_this() -> Speaker:
    return Speaker(user_name(os.getuid()))


def _files(paths: Sequence[Path]) -> FilesAnswer:
    return FilesAnswer(tuple(as_text(str(path)) for path in paths))


def _unavailable(what: object, error: TransientError, code: Code = Code.UNAVAILABLE) -> Left:
    if isinstance(what, int):
        return Left(what, f"#{what}", code, str(error))
    return Left(None, as_text(str(what)), code, str(error))
