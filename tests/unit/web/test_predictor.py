"""Photos are shared out to threads, the model gets several at a time, and nobody is forgotten."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest

from config.errors import ModelError, PhotoError, PhotoProblem
from config.settings import Settings
from tests.support.classifiers import verdict
from tests.support.waiting import DEADLINE_SECONDS, eventually
from web.predictions import Judged, ModelFacts, Predictor
from web.predictions.alone import Decoder
from web.predictions.answers import LargeError
from web.predictions.predictor import BATCH_IN_HAND, MICRO_BATCH, MOST_IN_HAND
from web.problems import Problem

Made = Callable[..., Predictor]


class Scripted:
    """Judges by what the photo's bytes say; holds on while `gate` is shut."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.large_gate = threading.Event()
        self.large_gate.set()
        self.gate.set()
        self.alone: list[bytes] = []
        self.batches: list[list[bytes]] = []

    def facts(self) -> ModelFacts:
        return ModelFacts("scripted 1", "scripted 1", ("Shirts", "Tops"))

    def judge(self, photos: Sequence[BinaryIO]) -> list[Judged | Exception]:
        read = [photo.read() for photo in photos]
        self.batches.append(read)
        assert self.gate.wait(DEADLINE_SECONDS)
        if b"no model" in read:
            raise ModelError("model /somewhere: is damaged")
        return [self._one(data) for data in read]

    def judge_alone(self, photo: BinaryIO, _: Decoder) -> Judged:
        photo.seek(0)
        data = photo.read()
        self.alone.append(data)
        assert self.large_gate.wait(DEADLINE_SECONDS)
        return Judged(verdict(data.decode()), "scripted 1")

    def _one(self, data: bytes) -> Judged | Exception:
        if data == b"bad":
            return PhotoError(PhotoProblem.NOT_AN_IMAGE, "not a photo")
        if data.startswith(b"large"):
            return LargeError()
        return Judged(verdict(data.decode()), "scripted 1")


@pytest.fixture
def judge() -> Scripted:
    return Scripted()


@pytest.fixture
def made(tmp_path: Path, judge: Scripted) -> Iterator[Made]:
    with ExitStack() as held:

        def make(
            workers: int = 2, share: float = 0.5, is_sorting: Callable[[], bool] = lambda: False
        ) -> Predictor:
            keys = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
            settings = Settings.model_validate(
                {key: tmp_path / key for key in keys}
                | {"batch": {"workers": workers}, "web": {"while_draining": share}}
            )
            predictor = Predictor(settings, lambda: judge, is_sorting)
            held.callback(predictor.stop)
            held.callback(judge.gate.set)
            held.callback(judge.large_gate.set)
            return predictor

        yield make


def said(predictor: Predictor, *photos: bytes) -> list[str]:
    answers = [predictor.submit(BytesIO(photo)) for photo in photos]
    return [one.result(DEADLINE_SECONDS).verdict.category for one in answers]


def test_each_photo_gets_its_own_verdict_and_a_bad_one_only_its_own_error(made: Made) -> None:
    predictor = made()
    bad = predictor.submit(BytesIO(b"bad"))
    assert said(predictor, *(f"{n}".encode() for n in range(40))) == [f"{n}" for n in range(40)]
    with pytest.raises(PhotoError):
        bad.result(DEADLINE_SECONDS)


def test_what_waits_goes_to_the_model_together_and_one_alone_waits_for_nobody(
    made: Made, judge: Scripted
) -> None:
    predictor = made(workers=1)
    assert said(predictor, b"alone") == ["alone"]
    judge.gate.clear()
    first = predictor.submit(BytesIO(b"first"))
    eventually(lambda: len(judge.batches) == 2)
    more = [predictor.submit(BytesIO(b"more")) for _ in range(6)]
    judge.gate.set()
    assert {one.result(DEADLINE_SECONDS).verdict.category for one in (first, *more)} == {
        "first", "more",
    }  # fmt: skip
    assert [len(batch) for batch in judge.batches] == [1, 1, MICRO_BATCH, 2]


def test_what_waits_is_shared_out_between_the_threads(made: Made, judge: Scripted) -> None:
    predictor = made(workers=2)
    judge.gate.clear()
    answers = [predictor.submit(BytesIO(b"x")) for _ in range(2)]
    eventually(lambda: len(judge.batches) == 2)
    answers += [predictor.submit(BytesIO(b"y")) for _ in range(4)]
    judge.gate.set()
    for one in answers:
        one.result(DEADLINE_SECONDS)
    assert max(len(batch) for batch in judge.batches) == 2


def test_without_a_model_each_is_told_and_the_threads_go_on(made: Made) -> None:
    predictor = made(workers=1)
    for _ in range(3):
        with pytest.raises(ModelError):
            predictor.submit(BytesIO(b"no model")).result(DEADLINE_SECONDS)
    assert said(predictor, b"Tops") == ["Tops"]


def test_more_than_can_be_held_is_told_so_before_it_is_sent(made: Made) -> None:
    predictor = made()
    with ExitStack() as held:
        for _ in range(MOST_IN_HAND):
            held.enter_context(predictor.place())
        with pytest.raises(Problem) as caught, predictor.place():
            pass
    assert (caught.value.status_code, caught.value.code) == (503, "busy")
    assert int((caught.value.headers or {})["Retry-After"]) >= 1
    assert predictor.in_hand == 0


def test_many_photos_of_one_call_hold_no_more_places_than_there_are(made: Made) -> None:
    predictor = made()
    with predictor.place(), predictor.more_places(50) as at_once:
        assert at_once == predictor.in_hand == BATCH_IN_HAND
    with predictor.place(), predictor.more_places(3) as at_once:
        assert at_once == predictor.in_hand == 3
    with ExitStack() as held:
        for _ in range(MOST_IN_HAND - 2):
            held.enter_context(predictor.place())
        with predictor.place(), predictor.more_places(50) as at_once:
            assert (at_once, predictor.in_hand) == (2, MOST_IN_HAND)
            with predictor.more_places(50) as more:
                assert more == 1
    assert predictor.in_hand == 0


def test_large_photos_are_judged_in_turn_and_nobody_waits_behind_them(
    made: Made, judge: Scripted
) -> None:
    predictor = made(workers=1)
    judge.large_gate.clear()
    large = [predictor.submit(BytesIO(b"large %d" % n)) for n in range(9)]
    assert said(predictor, b"small") == ["small"]
    assert not any(one.done() for one in large)
    judge.large_gate.set()
    assert [one.result(DEADLINE_SECONDS).verdict.category for one in large] == [
        f"large {n}" for n in range(9)
    ]
    assert judge.alone == [b"large %d" % n for n in range(9)]


def test_a_large_photo_that_nobody_waits_for_any_more_is_not_judged(
    made: Made, judge: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = made(workers=1)
    judge.large_gate.clear()
    first = predictor.submit(BytesIO(b"large first"))
    eventually(lambda: judge.alone)
    monkeypatch.setattr("web.predictions.predictor.MOST_SECONDS", 0.0)
    with pytest.raises(Problem) as caught:
        asyncio.run(predictor.verdict(BytesIO(b"large given up")))
    assert (caught.value.code, caught.value.headers or {}) == ("busy", {"Retry-After": "30"})
    last = predictor.submit(BytesIO(b"large last"))
    judge.large_gate.set()
    for one in (first, last):
        one.result(DEADLINE_SECONDS)
    assert judge.alone == [b"large first", b"large last"]


def test_while_the_daemon_sorts_it_rests_as_long_as_it_worked(made: Made, judge: Scripted) -> None:
    predictor = made(workers=1, share=0.5, is_sorting=lambda: True)
    said(predictor, b"the model is loaded")
    judge.gate.clear()
    first = predictor.submit(BytesIO(b"first"))
    eventually(lambda: judge.batches[1:])
    time.sleep(0.3)
    judge.gate.set()
    first.result(DEADLINE_SECONDS)
    began = time.monotonic()
    assert said(predictor, b"second") == ["second"]
    assert time.monotonic() - began >= 0.25


@pytest.mark.parametrize(("share", "sorts"), [(1.0, True), (0.1, False)])
def test_it_rests_for_nobody_else(made: Made, judge: Scripted, share: float, sorts: bool) -> None:
    predictor = made(workers=1, share=share, is_sorting=lambda: sorts)
    judge.gate.clear()
    first = predictor.submit(BytesIO(b"first"))
    eventually(lambda: judge.batches)
    time.sleep(0.5)
    judge.gate.set()
    first.result(DEADLINE_SECONDS)
    began = time.monotonic()
    assert said(predictor, b"second") == ["second"]
    assert time.monotonic() - began < 0.45


def test_where_nothing_may_be_done_meanwhile_it_is_told(made: Made) -> None:
    predictor = made(share=0.0, is_sorting=lambda: True)
    with pytest.raises(Problem) as caught, predictor.place():
        pass
    assert (caught.value.status_code, caught.value.code) == (503, "sorting")


def test_the_threads_let_others_come_first(made: Made) -> None:
    predictor = made(workers=1)
    before = set(threading.enumerate())
    said(predictor, b"x")
    (thread,) = set(threading.enumerate()) - before
    assert thread.native_id is not None
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, thread.native_id) == max(15, ours)


@pytest.mark.parametrize(
    ("share", "policy"), [(0.5, os.SCHED_IDLE), (0.99, os.SCHED_IDLE), (1.0, os.SCHED_OTHER)]
)
def test_while_the_daemon_sorts_they_take_only_what_is_left_over(
    made: Made, share: float, policy: int
) -> None:
    sorts = threading.Event()
    predictor = made(workers=1, share=share, is_sorting=sorts.is_set)
    before = set(threading.enumerate())
    said(predictor, b"x")
    assert policies(before) == [os.SCHED_OTHER]
    sorts.set()
    predictor._daemon._looked_at = float("-inf")
    before = set(threading.enumerate())
    said(predictor, b"x", b"y")
    assert policies(before) == ([policy] if policy == os.SCHED_IDLE else [])


def test_what_is_dropped_into_incoming_waits_for_no_thread_that_may_stand_still(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = made(workers=1, is_sorting=lambda: True)
    said(predictor, b"the model is loaded", b"and the daemon sorts")
    judging = "web.predictions.judging.picture_of"
    monkeypatch.setattr(judging, lambda *_: bytes([os.sched_getscheduler(0)]))
    painted = predictor.picture(BytesIO(b"x"), 64).result(DEADLINE_SECONDS)
    assert painted == bytes([os.SCHED_OTHER])


def test_nobody_waits_for_the_rest_after_a_picture(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = made(workers=1, share=1e-9, is_sorting=lambda: True)  # a rest of days

    def paint(photo: BinaryIO, *_: object) -> bytes:
        time.sleep(0.01)
        return photo.read()

    monkeypatch.setattr("web.predictions.judging.picture_of", paint)
    assert predictor.picture(BytesIO(b"x"), 64).result(DEADLINE_SECONDS) == b"x"
    behind = predictor.picture(BytesIO(b"y"), 64)  # the only thread rests
    predictor.stop()
    assert behind.cancelled()


def test_what_is_wrong_with_a_picture_is_told_before_the_rest_too(made: Made) -> None:
    predictor = made(workers=1, share=1e-9, is_sorting=lambda: True)
    with pytest.raises(PhotoError):
        predictor.picture(BytesIO(b"text"), 64).result(DEADLINE_SECONDS)


def policies(before: set[threading.Thread]) -> list[int]:
    """Of the threads that began since."""
    new = [one.native_id or 0 for one in threading.enumerate() if one not in before]
    return [os.sched_getscheduler(native_id) for native_id in new]


def test_at_the_end_nobody_waits_for_ever(made: Made, judge: Scripted) -> None:
    predictor = made(workers=1)
    judge.gate.clear()
    in_hand = predictor.submit(BytesIO(b"in hand"))
    eventually(lambda: judge.batches)
    waiting = predictor.submit(BytesIO(b"waiting"))
    threading.Timer(0.1, judge.gate.set).start()
    predictor.stop()
    assert in_hand.result(0).verdict.category == "in hand"
    assert waiting.cancelled()
