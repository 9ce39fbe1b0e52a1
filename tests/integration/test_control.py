"""`nightsort now` asks a daemon: the real socket, with a service that does what the test says."""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from config.errors import FolderUnavailable, RefusedError
from daemon.control import SOCKET, NoAnswer, Summary, ask_for_run, give_order, serving
from daemon.lock import hold, user_name
from daemon.records import Order, Progress
from daemon.status import StatusFile
from tests.support.waiting import eventually

SUMMARY: Summary = {"run": "20251013_020000", "successful": 3, "errors": [{"error": "Häh?"}]}
PATIENCE_SECONDS = 60.0


class FakeService:
    """Takes the place of the service; the test answers what was asked."""

    def __init__(self) -> None:
        self.asked: list[Future[Summary]] = []
        self.orders: list[Order] = []
        self.progress = self.at(0)

    def at(self, processed: int, *, silent_s: float = 0.0) -> Progress:
        now = time.monotonic() - silent_s
        return Progress("20251013_020000", processed, waiting=5, settling=1, at=now)

    def ask(self) -> Future[Summary]:
        answer: Future[Summary] = Future()
        self.asked.append(answer)
        return answer

    def order(self, order: Order) -> Future[Summary]:
        self.orders.append(order)
        return self.ask()

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


def ask(state: Path, seen: list[Progress] | None = None) -> Summary:
    watch = (lambda _: None) if seen is None else seen.append
    return ask_for_run(state, watch, PATIENCE_SECONDS)


def refusal_of(answer: Future[Summary]) -> str:
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
    "request_line",
    [b"\n", b"hello\n", b"{}\n", b'{"ask": "stop"}\n', b"[1]\n", b"\xff\xfe\n", b"x" * 200_000],
)
def test_what_is_no_known_question_is_hung_up_on(
    state: Path, service: FakeService, request_line: bytes
) -> None:
    with connected(state) as client:
        client.sendall(request_line)
        with suppress(ConnectionResetError):  # it did not even read all of it
            assert client.recv(1000) == b""
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
    StatusFile(state).tell({"problems": [why]})
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


def test_an_order_is_carried_out_in_the_name_of_who_gives_it(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    words = ("Shirts/\udcff \N{T-SHIRT}.jpg", "Tops")
    answer = pool.submit(give_order, state, "correct", words, PATIENCE_SECONDS)
    service.wait_for_clients(1)
    service.asked[0].set_result({"done": [], "left": []})
    assert answer.result(timeout=PATIENCE_SECONDS) == {"done": [], "left": []}
    assert service.orders == [Order("correct", words, user_name(os.getuid()))]


def test_an_order_that_cannot_be_carried_out_says_why(
    state: Path, service: FakeService, pool: ThreadPoolExecutor
) -> None:
    answer = pool.submit(give_order, state, "undo", ("x.jpg",), PATIENCE_SECONDS)
    service.wait_for_clients(1)
    service.asked[0].set_exception(RefusedError("x.jpg: no such photo"))
    assert refusal_of(answer) == "x.jpg: no such photo"


@pytest.mark.parametrize("question", [b"[]", b'{"ask": "undo"}', b'{"ask": "undo", "words": 5}'])
def test_a_question_that_nobody_understands_does_no_harm(
    state: Path, service: FakeService, question: bytes
) -> None:
    with connected(state) as client:
        client.sendall(question + b"\n")
        assert client.recv(100) == b""
    assert service.orders == []


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
