"""Orders are carried out photo by photo, and each photo's answer says what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from config.errors import FolderUnavailable, RefusedError
from daemon.corrections.answers import NoSuchCategory
from daemon.corrections.moved_photos import MovedPhotos
from daemon.domain.alert_answers import AlertAnswer
from daemon.domain.alerts import news
from daemon.domain.corrections import Via
from daemon.domain.orders import (
    LATEST,
    Acknowledge,
    AnyOrder,
    BadOrder,
    ChangeModel,
    Code,
    Correct,
    Decide,
    Decision,
    Given,
    MakePeriodReport,
    MakeReport,
    ModelAnswer,
    PhotosAnswer,
    Rebuild,
    SendTestAlert,
    Speaker,
    TakeBack,
    Undo,
)
from daemon.reporting.report_thread import ReportThread
from daemon.service.acknowledging import NoSuchAlert, acknowledge
from daemon.service.orders import DragPolicy, Orders
from daemon.sorting.filer import Filer
from daemon.store import DATABASE
from tests.integration.test_pick_lists import updater
from tests.support.core import Core, tiny_photo
from tests.support.forgetting import forgetting

ANNA = Speaker("Anna", Via.PAGE)


class Reports(ReportThread):
    """Makes what is asked for at once; remembers how often people are said to have spoken."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.words = 0

    def make(self, work: Any) -> Future[Any]:
        made: Future[Any] = Future()
        made.set_result(work(updater(self.core)))
        return made

    def spoken(self) -> None:
        self.words += 1


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        core.drop(name, tiny_photo("Shirts", number))
    core.drain()
    yield core
    core.stop()


@pytest.fixture
def reports(core: Core) -> Reports:
    return Reports(core)


def orders_of(core: Core, reports: Reports) -> Orders:
    return Orders(
        core.store,
        core.corrector,
        forgetting(core, reports),
        core.clock,
        core.trees,
        DragPolicy(100, 0),
        {
            ChangeModel: lambda _: ModelAnswer("not today"),
            Acknowledge: partial(acknowledge, core.store.alerts, core.clock),
        },
    )


def carry_out(core: Core, reports: Reports, order: AnyOrder, by: Speaker = ANNA) -> Any:
    answer = orders_of(core, reports).carry_out(Given(order, by))
    return answer.result() if isinstance(answer, Future) else answer


def test_several_photos_are_corrected_in_one_order_by_whoever_said_so(
    core: Core, reports: Reports
) -> None:
    answer = carry_out(core, reports, Correct(("a.png", "c.png"), "Tops"))
    assert [one.target for one in answer.done] == ["Tops/a.png", "Tops/c.png"]
    assert not answer.left
    for one in answer.done:
        assert [word.person for word in core.store.corrections.of(one.photo)] == ["Anna"]
    assert reports.words == 1


def test_a_photo_that_cannot_be_corrected_keeps_no_other_from_it(
    core: Core, reports: Reports
) -> None:
    (core.sorted / "Shirts" / "b.png").unlink()
    answer = carry_out(core, reports, Correct(("nowhere.png", "b.png", "c.png"), "Tops"))
    assert [one.filename for one in answer.done] == ["c.png"]
    assert [(one.filename, one.code) for one in answer.left] == [
        ("nowhere.png", Code.NOT_FOUND),
        ("b.png", Code.GONE),
    ]
    assert answer.left[0].photo is None
    assert answer.left[1].photo == core.store.history.stories("b.png")[0].id


def test_several_photos_are_decided_on_and_taken_back_in_one_order(
    core: Core, reports: Reports
) -> None:
    ids = tuple(core.store.history.stories(name)[0].id for name in ("a.png", "b.png"))
    answer = carry_out(core, reports, Decide((*ids, 4711), Decision.RETAKE))
    assert [one.photo for one in answer.done] == [*ids]
    assert [one.code for one in answer.left] == [Code.NOT_FOUND]
    back = carry_out(core, reports, TakeBack(ids))
    assert [one.target for one in back.done] == ["_review/Shirts/a.png", "_review/Shirts/b.png"]
    assert [word.via for word in core.store.corrections.of(ids[0])] == [Via.PAGE, Via.PAGE]


def test_how_long_a_stroke_took_is_noted_for_what_was_done(core: Core, reports: Reports) -> None:
    core.drop("odd.png", tiny_photo("review", 9))
    core.drain()
    odd = core.store.history.stories("odd.png")[0].id
    carry_out(core, reports, Decide((odd, 4711), Decision.AGREE, each_ms=1500))
    with closing(sqlite3.connect(core.state / DATABASE)) as db:
        rows = db.execute("SELECT band, tenths, photos FROM looks").fetchall()
    assert rows == [("review", 15, 1)]


def test_a_folder_that_fails_half_way_leaves_the_rest_and_says_so(
    core: Core, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_after(monkeypatch, 1)
    answer = carry_out(core, reports, Correct(("a.png", "b.png", "c.png"), "Tops"))
    assert [one.filename for one in answer.done] == ["a.png"]
    assert [(one.filename, one.code, one.detail) for one in answer.left] == [
        ("b.png", Code.UNKNOWN_OUTCOME, "sorted is away"),  # its move had begun
        ("c.png", Code.UNAVAILABLE, "sorted is away"),
    ]
    monkeypatch.undo()
    again = carry_out(core, reports, Correct(("b.png", "c.png"), "Tops"))
    assert [one.target for one in again.done] == ["Tops/b.png", "Tops/c.png"]


def test_a_folder_that_fails_before_anything_was_begun_is_the_answer(
    core: Core, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise FolderUnavailable("sorted is away")

    monkeypatch.setattr(MovedPhotos, "look", away)
    with pytest.raises(FolderUnavailable):
        carry_out(core, reports, Correct(("a.png",), "Tops"))


@pytest.mark.parametrize("by_number", [True, False])
def test_what_a_folder_interrupts_may_be_done_and_is_not_said_to_be_left(
    core: Core, reports: Reports, monkeypatch: pytest.MonkeyPatch, by_number: bool
) -> None:
    (number,) = (one.id for one in core.store.history.stories("a.png"))
    decide, correct = Decide((number,), Decision.CATEGORY, "Tops"), Correct(("a.png",), "Tops")
    fail_after(monkeypatch, 0)
    (left,) = carry_out(core, reports, decide if by_number else correct).left
    assert (left.code, left.detail) == (Code.UNKNOWN_OUTCOME, "sorted is away")
    monkeypatch.undo()
    core.corrector.finish_interrupted()
    assert core.store.corrections.unfinished() == []


def fail_after(monkeypatch: pytest.MonkeyPatch, moves: int) -> None:
    """Let sorted go away after so many moves."""
    left = [*range(moves)]
    real = Filer.place

    def place(self: Filer, *args: Any) -> Any:
        if not left:
            raise FolderUnavailable("sorted is away")
        left.pop()
        return real(self, *args)

    monkeypatch.setattr(Filer, "place", place)


def test_no_photo_is_corrected_to_what_is_no_category(core: Core, reports: Reports) -> None:
    with pytest.raises(NoSuchCategory, match="there are Shirts, Tops, Tshirts"):
        carry_out(core, reports, Correct(("a.png", "b.png"), "Hats"))


def test_the_newest_run_is_put_back_with_all_its_photos(core: Core, reports: Reports) -> None:
    answer = carry_out(core, reports, Undo((LATEST,)))
    assert [one.target for one in answer.done] == ["a.png", "b.png", "c.png"]
    assert carry_out(core, reports, Undo((LATEST,))) == PhotosAnswer()


def test_reports_and_results_are_made_again(core: Core, reports: Reports) -> None:
    run = core.rows()[0]["run"]
    for file in core.results.glob("*.*"):
        file.unlink()
    files = [
        *carry_out(core, reports, Rebuild(LATEST)).files,
        *carry_out(core, reports, MakeReport(run)).files,
        *carry_out(core, reports, MakePeriodReport(date(2025, 10, 13), date(2025, 10, 13))).files,
    ]
    assert len(files) == 2 + 6 + 1
    assert all(Path(file).is_file() for file in files)
    assert (core.results / "batch_results_latest.csv").is_file()


@pytest.mark.parametrize("order", [Rebuild("19990101_000000"), MakeReport("19990101_000000")])
def test_of_a_run_that_never_was_nothing_is_made(
    core: Core, reports: Reports, order: AnyOrder
) -> None:
    with pytest.raises(RefusedError, match="19990101_000000: no such finished run"):
        carry_out(core, reports, order)


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 11, 2), date(2026, 11, 1)), (date(1, 1, 1), date(2026, 11, 1))],
)
def test_a_period_that_is_none_is_no_order(
    core: Core, reports: Reports, first: date, last: date
) -> None:
    with pytest.raises(BadOrder):
        carry_out(core, reports, MakePeriodReport(first, last))


def test_whoever_has_the_model_changed_hears_why_it_was_not(core: Core, reports: Reports) -> None:
    assert carry_out(core, reports, ChangeModel()) == ModelAnswer("not today")


def test_a_run_without_a_daemon_sends_no_test_alerts(core: Core, reports: Reports) -> None:
    with pytest.raises(RefusedError, match="ask again when it is over"):
        carry_out(core, reports, SendTestAlert())


def test_an_alert_is_acknowledged_once_and_one_that_there_is_not_is_told(
    core: Core, reports: Reports
) -> None:
    core.store.alerts.keep([news("imbalance", "one", core.clock.now(), {"run": "one"})])
    assert carry_out(core, reports, Acknowledge(1)) == AlertAnswer("Anna")
    (one,) = core.store.alerts.history(10)
    assert one["acknowledged_by"] == "Anna"
    core.store.alerts.acknowledge(1, "bob", core.clock.now())
    assert carry_out(core, reports, Acknowledge(1)) == AlertAnswer("Anna")
    with pytest.raises(NoSuchAlert, match="no alert 2"):
        carry_out(core, reports, Acknowledge(2))
