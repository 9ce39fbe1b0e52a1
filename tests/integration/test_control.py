"""`nightsort now` asks a daemon: the real socket, with a service that does what the test says."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.errors import FolderUnavailable, NightsortError, RefusedError
from daemon.corrections.answers import NoSuchCategory
from daemon.domain.alert_answers import AlertAnswer, TargetsAnswer, TargetTried
from daemon.domain.corrections import Via
from daemon.domain.forgetting import Gone, Receipt, Remains
from daemon.domain.inspection import (
    Examination,
    Examine,
    FindingState,
    Found,
    SettingsTold,
    SettingTold,
    TellSettings,
)
from daemon.domain.lessons import LearningCode, LessonAnswer, Merge, VersionAnswer, Wanted
from daemon.domain.order import Order
from daemon.domain.orders import (
    LATEST,
    ORDERS,
    Acknowledge,
    AddExamples,
    Adopt,
    Answer,
    CancelLesson,
    ChangeModel,
    Code,
    Correct,
    Decide,
    Decision,
    Done,
    FilesAnswer,
    Forget,
    Given,
    GoBack,
    Learn,
    Left,
    MakePeriodReport,
    MakeReport,
    ModelAnswer,
    NotePageActs,
    PhotosAnswer,
    Rebuild,
    Receive,
    SendTestAlert,
    Speaker,
    TakeBack,
    Undo,
)
from daemon.domain.page_acts import Doing, PageAct, PageActsAnswer
from daemon.domain.runs import Progress
from daemon.domain.sent import ExamplesAnswer, NotTaken, Received, ReceivedAnswer, SentFile
from daemon.domain.summaries import DrainSummary
from daemon.folders.locks import hold, user_name
from daemon.health.status_file import StatusFile
from daemon.service import control
from daemon.service.control import WEB_USER, serving
from daemon.service.control_client import (
    BEGUN,
    SOCKET,
    UNKNOWN,
    NoAnswer,
    ask_for_run,
    give_order,
)
from daemon.service.order_queue import Begin, OrderQueue
from tests.support.documents import part_of_status, part_of_summary
from tests.support.waiting import eventually

SUMMARY: DrainSummary = part_of_summary(
    run="20251013_020000", successful=3, errors=[{"error": "Häh?"}]
)
PATIENCE_SECONDS = 60.0
ACT = PageAct(1, "2025-10-13T08:00:00+00:00", "Anna")
CHANGE = replace(ACT, number=2, doing=Doing.ROLE_CHANGED, whom="Carl", role="lead")


class FakeService:
    """Takes the place of the service; the test answers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Future[Any]] = []
        self.orders: list[Given] = []
        self.begin: list[Begin] = []
        self.progress = self.at(0)

    def at(self, processed: int, *, silent_s: float = 0.0) -> Progress:
        now = time.monotonic() - silent_s
        return Progress("20251013_020000", processed, waiting=5, settling=1, at=now)

    def ask(self) -> Future[DrainSummary]:
        answer: Future[DrainSummary] = Future()
        self.asked.append(answer)
        return answer

    def order(self, given: Given, begin: Begin) -> Future[Answer]:
        self.orders.append(given)
        self.begin.append(begin)
        answer: Future[Answer] = Future()
        self.asked.append(answer)
        return answer

    def wait_for_clients(self, count: int) -> None:
        eventually(lambda: len(self.asked) == count)


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def state(tmp_path: Path, service: FakeService) -> Iterator[Path]:
    folder = tmp_path / "state"
    folder.mkdir()
    with serving(service, folder):
        yield folder


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4, "client") as pool:
        yield pool


def ask(state: Path, seen: list[Progress] | None = None) -> DrainSummary:
    watch = (lambda _: None) if seen is None else seen.append
    return ask_for_run(state, watch, PATIENCE_SECONDS)


def refusal_of(answer: Future[Any]) -> str:
    error = answer.exception(timeout=PATIENCE_SECONDS)
    assert isinstance(error, NoAnswer)
    assert "\n" not in str(error)
    return str(error)


@contextmanager
def connected(state: Path) -> Iterator[socket.socket]:
    """A client that speaks for itself."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        folder = os.open(state, os.O_RDONLY)
        try:
            client.connect(f"/proc/self/fd/{folder}/{SOCKET}")
        finally:
            os.close(folder)
        client.settimeout(PATIENCE_SECONDS)
        yield client


@contextmanager
def imposter(state: Path, says: bytes | None) -> Iterator[None]:
    """A process that holds the socket and says this, then hangs up; None: it says nothing."""
    state.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(state / SOCKET))
        server.listen()
        if says is None:
            yield
            return

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(says)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join()


# A run


def test_asking_tells_the_progress_and_brings_the_summary(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    seen: list[Progress] = []
    answer = pool.submit(ask, state, seen)
    eventually(lambda: any(progress.processed == 0 for progress in seen))
    service.progress = service.at(4)
    eventually(lambda: any(progress.processed == 4 for progress in seen))
    service.asked[0].set_result(SUMMARY)
    assert answer.result(timeout=PATIENCE_SECONDS) == SUMMARY
    assert seen[-1] == service.progress


def test_whoever_asks_while_a_run_is_under_way_joins_it(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    answers = [pool.submit(ask, state) for _ in range(3)]
    service.wait_for_clients(3)
    for asked in service.asked:
        asked.set_result(SUMMARY)
    assert [answer.result(timeout=PATIENCE_SECONDS) for answer in answers] == [SUMMARY] * 3


def test_long_summary_arrives_whole(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    errors = [{"filename": f"{n}.jpg", "error": "The file is damaged. " * 10} for n in range(5000)]
    answer = pool.submit(ask, state)
    service.wait_for_clients(1)
    service.asked[0].set_result(SUMMARY | {"errors": errors})
    assert answer.result(timeout=PATIENCE_SECONDS)["errors"] == errors


def test_client_that_goes_away_harms_neither_run_nor_others(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    with connected(state) as client:
        client.sendall(b'{"ask": "run"}\n')
        service.wait_for_clients(1)
    answer = pool.submit(ask, state)
    service.wait_for_clients(2)
    for asked in service.asked:
        asked.set_result(SUMMARY)
    assert answer.result(timeout=PATIENCE_SECONDS) == SUMMARY


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"\n", 'a question is one line of JSON, such as {"ask": "run"}'),
        (b"hello\n", "one line of JSON"),
        (b"\xff\xfe\n", "one line of JSON"),
        (b"[1]\n", "one line of JSON"),
        (b"[" * 100_000 + b"\n", "one line of JSON"),
        (b"{}\n", "None is no order; there are run, correct, decide"),
        (b'{"ask": "stop"}\n', "'stop' is no order; there are run, correct, decide"),
        (b'{"ask": ["run"]}\n', "['run'] is no order"),
        (b'{"ask": "undo"}\n', "the order 'undo' is not understood: photos is missing"),
        (b'{"ask": "undo", "photos": 5}\n', "photos must be a list"),
        (b'{"ask": "undo", "photos": ["a", 5]}\n', "photos[1] must be text"),
        (b'{"ask": "undo", "photos": [], "colour": 1}\n', "colour is not known here"),
        (b'{"ask": "decide", "photos": [7], "decision": "category"}\n', "category must be there"),
        (b'{"ask": "decide", "photos": [7], "decision": "maybe"}\n', "must be agree or category"),
        (b'{"ask": "period", "first": "soon", "last": "2026-11-16"}\n', "first must be a day"),
        (b'{"ask": "run", "on_behalf_of": "anna"}\n', "on_behalf_of says nobody: it must be"),
    ],
)
def test_what_is_no_complete_question_is_told_so_and_does_no_harm(
    state: Path, service: FakeService, line: bytes, error: str
) -> None:
    with connected(state) as client:
        client.sendall(line)
        answer = json.loads(client.makefile("rb").readline())
    assert error in answer["error"]
    assert answer["code"] == "bad_order"
    assert service.asked == []


def test_a_question_without_an_end_is_not_read_for_ever(
    state: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "LONGEST_QUESTION", 1000)
    with connected(state) as client:
        client.sendall(b"x" * 1000)
        answer = json.loads(client.makefile("rb").readline())
    assert "at most 1,000 bytes" in answer["error"]
    assert service.asked == []


# Runs that fail


def test_run_that_cannot_be_is_told_in_the_services_words(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    answer = pool.submit(ask, state)
    service.wait_for_clients(1)
    service.asked[0].set_exception(FolderUnavailable("incoming is away; mount it"))
    assert refusal_of(answer) == "incoming is away; mount it"


def test_defect_in_the_daemon_is_told_as_one(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    answer = pool.submit(ask, state)
    service.wait_for_clients(1)
    service.asked[0].set_exception(KeyError("secret detail"))
    assert refusal_of(answer) == "it failed, unexpected KeyError; the log says more"


def test_stopping_daemon_says_so(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    answer = pool.submit(ask, state)
    service.wait_for_clients(1)
    service.asked[0].cancel()
    assert "the daemon is stopping" in refusal_of(answer)


def test_answer_given_at_the_very_end_still_arrives(
    tmp_path: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    with serving(service, tmp_path):
        answer = pool.submit(ask, tmp_path)
        service.wait_for_clients(1)
        service.asked[0].set_result(SUMMARY)
    assert answer.result(timeout=PATIENCE_SECONDS) == SUMMARY


def test_client_that_does_not_read_cannot_keep_the_daemon_from_ending(
    tmp_path: Path, service: FakeService
) -> None:
    with serving(service, tmp_path), connected(tmp_path) as client:
        client.sendall(b'{"ask": "run"}\n')
        service.wait_for_clients(1)
        service.asked[0].set_result({"errors": ["x" * 10_000_000]})


def test_daemon_whose_loop_stands_still_is_reported_after_the_time_out(
    state: Path, service: FakeService
) -> None:
    service.progress = service.at(2, silent_s=60)
    with pytest.raises(NoAnswer, match="has not answered for 5 seconds"):
        ask_for_run(state, lambda _: None, silence_seconds=5)


def test_daemon_that_hangs_in_a_share_is_reported_with_what_its_status_says(
    state: Path, service: FakeService
) -> None:
    why = "since Mon 02:13: incoming_dir /srv/incoming does not answer within 5 s"
    StatusFile(state).tell(part_of_status(problems=[why]))
    service.progress = service.at(2, silent_s=60)
    with hold(state), pytest.raises(NoAnswer, match="for 5 seconds: since Mon 02:13: incoming_dir"):
        ask_for_run(state, lambda _: None, silence_seconds=5)


def test_process_that_does_not_answer_at_all_is_reported_after_the_time_out(
    tmp_path: Path,
) -> None:
    with imposter(tmp_path, says=None), pytest.raises(NoAnswer, match="has not answered"):
        ask_for_run(tmp_path, lambda _: None, silence_seconds=0.2)


@pytest.mark.parametrize("says", [b"", b'{"answer": {"run": "2025'])
def test_daemon_that_ends_in_mid_run_is_reported(tmp_path: Path, says: bytes) -> None:
    with imposter(tmp_path, says), pytest.raises(NoAnswer, match="ended before it was done"):
        ask(tmp_path)


# Orders


DONE = PhotosAnswer(
    done=(Done(7, "a.jpg", "Tops", "Shirts/a.jpg", "Tops/a.jpg"),),
    left=(Left(None, "b.jpg", Code.NOT_FOUND, "no such photo among the sorted"),),
)
RECEIPT = Receipt(
    at="2025-10-13T08:00:00+00:00",
    by="Anna",
    asked_sha256="ab",
    is_return=True,
    photos=(Gone(7, "cd"),),
    files_removed=1,
    rewritten=("batch_results_20251013_020000.csv",),
    same_bytes=(9,),
    remains=(Remains("backup", "/backups/a.db", "2025-10-27T03:15+00:00"),),
)
FINDING = Found("clock", FindingState.WARNING, "nothing keeps it right", "let it follow a server")
SETTING = SettingTold("window.start", '"02:00"', "default", "", is_secret=False)
ME = user_name(os.getuid())


def test_an_order_is_carried_out_in_the_name_of_who_gives_it(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    order = Correct(("Shirts/\udcff \N{T-SHIRT}.jpg", "b.jpg"), "Tops")
    answer = pool.submit(give_order, state, order)
    service.wait_for_clients(1)
    service.asked[0].set_result(DONE)
    assert answer.result(timeout=PATIENCE_SECONDS) == DONE
    assert service.orders == [Given(order, Speaker(ME, Via.COMMAND))]


def test_each_order_arrives_as_it_was_given_and_its_answer_as_well(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    files = FilesAnswer(("/srv/results/a.html", "/srv/results/b.xlsx"))
    given: list[tuple[Order[Any], Answer]] = [
        (Undo(("20251013_020000", "#7")), DONE),
        (Decide((7, 8), Decision.CATEGORY, "Tops"), DONE),
        (Decide((7,), Decision.AGREE), DONE),
        (Decide((7,), Decision.CATEGORY, "Sandals", is_new=True), DONE),
        (TakeBack((7,)), DONE),
        (TakeBack((7, 8), upon=(3, 0)), DONE),
        (MakeReport(LATEST), files),
        (MakePeriodReport(date(2026, 11, 1), date(2026, 11, 15)), files),
        (Rebuild("20251013_020000"), files),
        (Acknowledge(12), AlertAnswer("anna")),
        (Examine(), Examination("2025-10-13T08:00:00+00:00", "Anna", findings=(FINDING,))),
        (TellSettings(), SettingsTold("/a.toml", (SETTING,), ("window.start",), "", ("old",))),
        (ChangeModel(), ModelAnswer("it fails its self-test")),
        (Forget("60521", (7, 8)), RECEIPT),
        (NotePageActs("page", (ACT, CHANGE)), PageActsAnswer(2)),
        (
            Receive((SentFile("0a1b/0", "ü.jpg"),)),
            ReceivedAnswer(
                (Received("ü.jpg", "ü (2).jpg"),), (NotTaken("a", "corrupt", "damaged"),)
            ),
        ),
        (AddExamples((SentFile("0a1b/0", "a.zip"),)), ExamplesAnswer(3, 1)),
        (SendTestAlert(), TargetsAnswer((TargetTried("mail", delivered=False, error="refused"),))),
        (Learn(Wanted(without=("Tops",), merged=(Merge("Tops", "Tshirts"),))), LessonAnswer(12)),
        (CancelLesson(12), LessonAnswer(12, LearningCode.OVER)),
        (Adopt("2026-11-26.1"), VersionAnswer("shipped", LearningCode.UNTRUSTED, "damaged")),
        (GoBack(), VersionAnswer("shipped")),
    ]
    assert {order.name for order, _ in given} | {"correct"} == {*ORDERS}
    for number, (order, wanted) in enumerate(given):
        answer = pool.submit(give_order, state, order)
        service.wait_for_clients(number + 1)
        service.asked[number].set_result(wanted)
        assert answer.result(timeout=PATIENCE_SECONDS) == wanted
    assert [one.order for one in service.orders] == [order for order, _ in given]


def test_the_pages_user_speaks_for_others(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    # The same user as the daemon's, as where the page is no service of its own.
    answer = pool.submit(give_order, state, Undo(("a.jpg",)), Speaker("Anna Schmidt", Via.PAGE))
    service.wait_for_clients(1)
    service.asked[0].set_result(DONE)
    answer.result(timeout=PATIENCE_SECONDS)
    assert service.orders[0].by == Speaker("Anna Schmidt", Via.PAGE)


@pytest.mark.parametrize("is_web", [True, False])
def test_nobody_but_the_pages_user_is_believed_for_whom_they_speak(
    state: Path,
    service: FakeService,
    pool: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    is_web: bool,
) -> None:
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)  # the daemon is another's
    entry = pwd.struct_passwd((WEB_USER, "x", me if is_web else me + 2, 0, "", "/", "/bin/false"))
    real = pwd.getpwnam
    monkeypatch.setattr(pwd, "getpwnam", lambda name: entry if name == WEB_USER else real(name))
    answer = pool.submit(give_order, state, Undo(("a.jpg",)), Speaker("the boss", Via.API))
    service.wait_for_clients(1)
    service.asked[0].set_result(DONE)
    answer.result(timeout=PATIENCE_SECONDS)
    expected = Speaker("the boss", Via.API) if is_web else Speaker(ME, Via.COMMAND)
    assert service.orders[0].by == expected


@pytest.mark.parametrize("person", ["", "  ", "a\nb", "x" * 101, "\u202eanna"])
def test_what_cannot_be_a_persons_name_is_refused(
    state: Path, service: FakeService, person: str
) -> None:
    with connected(state) as client:
        question = {"ask": "undo", "photos": ["a"], "on_behalf_of": {"person": person}}
        client.sendall(json.dumps(question).encode() + b"\n")
        answer = json.loads(client.makefile("rb").readline())
    assert "on_behalf_of says nobody: person must" in answer["error"]
    assert service.orders == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RefusedError("x.jpg: no such photo"), "refused"),
        (FolderUnavailable("sorted is away"), "unavailable"),
        (NoSuchCategory("Hats: no such category"), "impossible"),
    ],
)
def test_an_order_that_cannot_be_carried_out_says_why_to_people_and_programs(
    state: Path,
    service: FakeService,
    pool: ThreadPoolExecutor,
    error: NightsortError,
    code: str,
) -> None:
    answer = pool.submit(give_order, state, Undo(("x.jpg",)))
    service.wait_for_clients(1)
    service.asked[0].set_exception(error)
    assert refusal_of(answer) == str(error)
    assert getattr(answer.exception(), "code", "") == code


def test_an_order_that_needs_nothing_of_the_service_is_carried_out_beside_its_work(
    tmp_path: Path, service: FakeService
) -> None:
    wanted = TargetsAnswer(())
    with serving(service, tmp_path, {SendTestAlert: lambda _: wanted}):
        assert give_order(tmp_path, SendTestAlert()) == wanted
    assert service.orders == []


# Orders whose giver does not wait any more


def test_an_order_that_was_answered_as_not_done_is_never_begun(
    state: Path, service: FakeService
) -> None:
    service.progress = service.at(0, silent_s=60)
    with pytest.raises(NoAnswer) as told:
        give_order(state, Undo(("a.jpg",)), silence_seconds=5)
    assert told.value.code == "no_answer"
    assert not service.begin[0]()


def test_an_order_that_was_begun_may_be_done_and_its_giver_is_told_so(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    answer = pool.submit(give_order, state, Undo(("a.jpg",)), None, PATIENCE_SECONDS)
    service.wait_for_clients(1)
    assert service.begin[0]()
    service.progress = service.at(0, silent_s=2 * PATIENCE_SECONDS)
    assert "may be done all the same" in refusal_of(answer)
    assert getattr(answer.exception(), "code", "") == UNKNOWN


def test_what_the_daemon_says_of_an_order_it_began_holds(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    for number, (error, code) in enumerate(
        [(FolderUnavailable("sorted is away"), "unavailable"), (CancelledError(), UNKNOWN)]
    ):
        answer = pool.submit(give_order, state, Undo(("a.jpg",)))
        service.wait_for_clients(number + 1)
        assert service.begin[number]()
        service.asked[number].set_exception(error)
        refusal_of(answer)
        assert getattr(answer.exception(), "code", "") == code


@pytest.mark.parametrize(("says", "code"), [(b'{"begun": true}\n', UNKNOWN), (b"", "no_answer")])
def test_of_a_daemon_that_ends_it_is_known_whether_it_had_begun(
    tmp_path: Path, says: bytes, code: str
) -> None:
    with imposter(tmp_path, says), pytest.raises(NoAnswer, match="ended before") as told:
        give_order(tmp_path, Undo(("a.jpg",)))
    assert told.value.code == code


def test_a_word_that_it_was_begun_counts_though_it_came_with_another(tmp_path: Path) -> None:
    told = {"progress": asdict(FakeService().at(0)), "silent_seconds": 2 * PATIENCE_SECONDS}
    says = json.dumps(told).encode() + b"\n" + BEGUN
    with imposter(tmp_path, says), pytest.raises(NoAnswer) as refused:
        give_order(tmp_path, Undo(("a.jpg",)), None, PATIENCE_SECONDS)
    assert refused.value.code == UNKNOWN


def test_an_order_beside_the_work_is_begun_in_the_same_way(tmp_path: Path) -> None:
    done: list[Given] = []
    held = threading.Event()

    def act(given: Given) -> TargetsAnswer:
        done.append(given)
        held.wait(PATIENCE_SECONDS)
        return TargetsAnswer(())

    service = FakeService()
    with ThreadPoolExecutor() as pool, serving(service, tmp_path, {SendTestAlert: act}):
        answer = pool.submit(
            give_order, tmp_path, SendTestAlert(), silence_seconds=PATIENCE_SECONDS
        )
        eventually(lambda: done)
        service.progress = service.at(0, silent_s=2 * PATIENCE_SECONDS)
        refusal_of(answer)
        held.set()
    assert getattr(answer.exception(), "code", "") == UNKNOWN
    assert len(done) == 1


def test_what_nobody_waits_for_is_left_out_of_the_queue_and_told_in_the_log() -> None:
    queue, carried_out = OrderQueue(), []
    by = Speaker("Anna", Via.PAGE)

    def carry_out(given: Given) -> PhotosAnswer:
        carried_out.append(given.order)
        return DONE

    given_up = queue.give(Given(Undo(("a.jpg",)), by), lambda: False)
    waited_for = queue.give(Given(Undo(("b.jpg",)), by))
    with structlog.testing.capture_logs() as said:
        queue.carry_out(carry_out, lambda: None)
    assert (given_up.cancelled(), waited_for.result()) == (True, DONE)
    assert carried_out == [Undo(("b.jpg",))]
    assert said == [
        {"event": "order_dropped", "log_level": "info", "order": "undo", "person": "Anna",
         "via": "page"},
    ]  # fmt: skip


# The socket


def test_only_owner_and_group_may_ask(state: Path) -> None:
    mode = (state / SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660


def test_state_folder_may_lie_deeper_than_a_socket_path_may_be_long(
    tmp_path: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-rather-long-name"] * 20)
    deep.mkdir(parents=True)
    assert len(str(deep)) > 5 * 108
    with serving(service, deep):
        answer = pool.submit(ask, deep)
        service.wait_for_clients(1)
        service.asked[0].set_result(SUMMARY)
        assert answer.result(timeout=PATIENCE_SECONDS) == SUMMARY


def test_socket_goes_when_the_daemon_does(tmp_path: Path, service: FakeService) -> None:
    with serving(service, tmp_path):
        assert (tmp_path / SOCKET).exists()
    assert [*tmp_path.iterdir()] == []


def test_socket_of_a_killed_daemon_is_replaced(
    tmp_path: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    with imposter(tmp_path, says=None):
        pass
    assert (tmp_path / SOCKET).exists()
    with serving(service, tmp_path):
        answer = pool.submit(ask, tmp_path)
        service.wait_for_clients(1)
        service.asked[0].set_result(SUMMARY)
        assert answer.result(timeout=PATIENCE_SECONDS) == SUMMARY


def test_daemon_that_is_just_starting_is_waited_for(
    tmp_path: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    answer = pool.submit(ask, tmp_path)
    assert not answer.done()
    with serving(service, tmp_path):
        service.wait_for_clients(1)
        service.asked[0].set_result(SUMMARY)
        assert answer.result(timeout=PATIENCE_SECONDS) == SUMMARY


def test_process_without_a_socket_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match=r"cannot be asked \(No such file or directory\)"):
        ask_for_run(tmp_path, lambda _: None, silence_seconds=0.1)
