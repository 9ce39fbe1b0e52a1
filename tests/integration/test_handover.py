"""Another system is told of each run and each later change, once, whatever happens between."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from daemon.domain.status_words import problem
from daemon.domain.summaries import without_money
from daemon.handover.calls import Calls
from daemon.handover.posting import SIGNATURE, Answer, signature
from daemon.handover.worker import HandoverSession, HandoverWorker
from daemon.store import Store
from daemon.store.handovers import FOLLOWER
from tests.support.core import WAREHOUSE, Core, tiny_photo
from tests.support.web_hook import WebHook, black_hole, listening

SECRET = "0123456789abcdef-secret"
RUN = "20251013_020000"
DOCUMENT = Path(__file__).parents[2] / "docs" / "handover.md"


class Other:
    """Another system, as the session sees it."""

    def __init__(self) -> None:
        self.answer = Answer(200, "")
        self.refuses: Callable[[dict[str, Any]], bool] = lambda _call: False
        self.tried: list[str] = []
        self.taken: list[dict[str, Any]] = []

    def post(self, url: str, secret: str, key: str, text: str, seconds: float) -> Answer:
        assert (url, secret) == ("https://erp.example.com/in", SECRET)
        call = json.loads(text)
        assert call["id"] == key
        self.tried.append(key)
        if self.refuses(call):
            return Answer(422, "it answered 422")
        if not self.answer.error:
            self.taken.append(call)
        return self.answer


class House:
    """A core, and the hand-over beside it."""

    def __init__(self, folder: Path, **handover: str) -> None:
        self.core = Core(folder, inline=True)
        self.other = Other()
        self.settings = settings(folder, **handover)
        self.start()

    def start(self) -> None:
        self.store = Store(self.core.state)
        self.session = HandoverSession(self.store, self.settings, self.core.clock, self.other.post)

    def restart(self) -> None:
        self.store.close()
        self.start()

    def night(self) -> None:
        self.core.drop("return-1.png", tiny_photo("Shirts", 1))
        self.core.drop("return-2.png", tiny_photo("review", 2))
        self.core.drop("nameless.png", tiny_photo("Shirts", 3))
        self.core.drain()

    def turns(self, seconds: float, every: float = 5.0) -> None:
        for _ in range(int(seconds / every)):
            self.session.turn()
            self.core.clock.advance(every)


def settings(folder: Path, **handover: str) -> Settings:
    known = {"webhook": "https://erp.example.com/in", "secret": SECRET, **handover}
    names = ("incoming", "sorted", "results", "state")
    return Settings.model_validate({
        **{f"{name}_dir": folder / name for name in names},
        "handover": {key: value for key, value in known.items() if value},
        "categories": {
            name: {"code": c, "location": p} for name, (c, p) in WAREHOUSE.codes.items()
        },
    })  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.store.close()
    house.core.stop()


def test_each_run_is_one_call(house: House) -> None:
    house.session.turn()
    house.night()
    house.turns(20)
    (call,) = house.other.taken
    assert (call["id"], call["event"], call["run"]) == (f"run-{RUN}", "run", RUN)
    summary = house.core.store.runs.summary(RUN)
    assert summary is not None
    assert call["summary"] == json.loads(json.dumps(without_money(summary)))
    first, second = call["returns"]
    assert first == {
        "return_id": "1", "status": "filed", "category": "Shirts", "category_code": "SH",
        "location": "Section A, Aisle 3", "photos": 1, "confidence": 0.9876, "decided_by": None,
        "updated": "2025-10-13T02:00:00+00:00",
    }  # fmt: skip
    assert (second["return_id"], second["status"]) == ("2", "decide")
    assert house.store.handovers.counts() == {"waiting": 0, "delivered": 1, "dead": 0}


def test_each_later_change_is_one_call(house: House) -> None:
    house.night()
    house.turns(10)
    house.other.taken.clear()
    house.core.corrector.correct("return-2.png", "Tshirts", "anna")
    house.core.corrector.undo("nameless.png", "kim")
    house.turns(10)
    corrected, undone = house.other.taken
    assert (corrected["event"], corrected["what"]) == ("change", "corrected")
    assert corrected["by"] == "anna"
    assert corrected["photo"]["path"] == "Tshirts/return-2.png"
    assert (corrected["return"]["status"], corrected["return"]["category"]) == ("filed", "Tshirts")
    assert (undone["what"], undone["by"], undone["return"]) == ("undone", "kim", None)
    assert undone["photo"]["state"] == "undone"


def test_a_photo_that_was_taken_away_and_came_back_is_told(house: House) -> None:
    house.night()
    house.turns(10)
    house.other.taken.clear()
    photo = house.core.store.history.stories("return-1.png")[0].id
    house.core.store.removals.remove([photo], house.core.clock.now())
    house.session.turn()
    house.core.store.removals.give_back(photo)
    house.session.turn()
    told = [(call["what"], call["return"]["status"]) for call in house.other.taken]
    assert told == [("removed", "removed"), ("back", "filed")]


def test_what_is_said_before_the_run_is_closed_is_in_its_call(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.handover.calls._AT_ONCE", 2)  # however the feed is cut
    house.core.drop("return-2.png", tiny_photo("review", 2))
    house.core.drop("return-1.png", tiny_photo("Shirts", 1))
    house.core.take_in()
    house.core.work()
    house.core.corrector.correct("return-2.png", "Shirts", "anna")
    house.core.drainer.close(settling=0)
    house.session.turn()
    (call,) = house.other.taken
    assert [row["status"] for row in call["returns"]] == ["filed", "filed"]
    assert call["returns"][1]["decided_by"] == "anna"


def test_calls_wait_for_a_system_that_is_down_also_over_a_restart(house: House) -> None:
    house.other.answer = Answer(502, "it answered 502 Bad Gateway")
    house.night()
    house.core.corrector.correct("return-2.png", "Shirts", "anna")
    house.turns(3600)
    assert {*house.other.tried} == {f"run-{RUN}"}  # the others would fare alike
    assert 5 <= len(house.other.tried) < 12  # ever more rarely
    assert house.session.problem() == (
        "the webhook of [handover] is not reached since Mon 02:00: it answered 502 Bad Gateway"
    )
    house.restart()
    house.other.answer = Answer(200, "")
    house.session.turn()
    assert [call["event"] for call in house.other.taken] == ["run", "change"]
    assert house.session.problem() == ""
    house.turns(3600)
    assert len(house.other.taken) == 2


def test_a_call_that_is_refused_keeps_no_other_from_being_sent(house: House) -> None:
    house.other.refuses = lambda call: call["event"] == "run"
    house.night()
    house.core.corrector.correct("return-2.png", "Shirts", "anna")
    house.session.turn()
    assert [call["event"] for call in house.other.taken] == ["change"]
    house.turns(8 * 86_400, every=600.0)
    assert house.store.handovers.counts() == {"waiting": 0, "delivered": 1, "dead": 1}


def test_a_crash_between_collecting_and_noting_tells_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.night()
    monkeypatch.setattr("daemon.store.handovers.move_cursor", _dies)
    with pytest.raises(KeyboardInterrupt):
        house.session.turn()
    monkeypatch.undo()
    house.restart()
    house.turns(10)
    assert [call["id"] for call in house.other.taken] == [f"run-{RUN}"]


def _dies(*_: Any) -> None:
    raise KeyboardInterrupt


def test_nothing_is_sent_unsigned(tmp_path: Path) -> None:
    house = House(tmp_path, secret="")
    house.night()
    house.turns(60)
    assert house.other.tried == []
    assert house.session.problem() == problem("unsigned")
    house.settings = settings(tmp_path)
    house.session.use(house.settings)
    house.session.turn()
    assert len(house.other.taken) == 1  # it was kept meanwhile
    house.store.close()
    house.core.stop()


def test_what_happened_before_there_was_a_webhook_is_not_told(tmp_path: Path) -> None:
    house = House(tmp_path, webhook="")
    house.night()
    house.turns(10)
    assert house.core.store.changes.after_cursor(FOLLOWER, {"run"}) == []
    house.session.use(settings(tmp_path))
    house.turns(10)
    assert house.other.tried == []
    assert house.session.problem() == ""
    house.store.close()
    house.core.stop()


def test_a_command_that_lacks_the_service_s_secrets_leaves_what_it_did_to_the_service(
    house: House,
) -> None:
    house.session.turn()
    without = settings(house.core.state.parent, webhook="", secret="")
    with HandoverWorker(without, house.core.clock, is_service=False).kept():
        house.night()
    house.turns(10)
    assert [call["id"] for call in house.other.taken] == [f"run-{RUN}"]


def test_the_feed_is_followed_in_pieces(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.handover.calls._AT_ONCE", 1)
    house.night()
    calls = Calls(house.store, {}, house.core.clock)
    while calls.collect():
        pass
    assert house.store.handovers.counts()["waiting"] == 1


def test_a_system_that_hangs_holds_up_neither_the_sorting_nor_the_end(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    core.store.changes.follow(FOLLOWER)
    with black_hole() as port:
        known = settings(tmp_path, webhook=f"http://127.0.0.1:{port}/")
        worker = HandoverWorker(known, core.clock, is_service=True)
        with worker.kept():
            core.drop("return-1.png", tiny_photo("Shirts", 1))
            begun = time.monotonic()
            assert core.drain()["successful"] == 1
            assert time.monotonic() - begun < 5
            wait_until(lambda: core.store.handovers.counts()["waiting"] == 1)
            begun = time.monotonic()
        assert time.monotonic() - begun < 4
    core.stop()


def test_a_run_without_a_daemon_hands_over_what_it_did_before_it_ends(tmp_path: Path) -> None:
    core = Core(tmp_path, inline=True)
    with listening(WebHook()) as hook:
        known = settings(tmp_path, webhook=f"http://127.0.0.1:{hook.port}/")
        core.store.changes.follow(FOLLOWER)
        with HandoverWorker(known, core.clock, is_service=False).kept():
            core.drop("return-1.png", tiny_photo("Shirts", 1))
            core.drain()
    assert [body["id"] for body in hook.bodies] == [f"run-{RUN}"]
    core.stop()


def wait_until(question: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- the receiver of the document ----------------------------------------------------------------


@contextmanager
def receiver(folder: Path) -> Iterator[tuple[int, Path]]:
    """The receiver that docs/handover.md shows, as it stands there."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    with listening(WebHook()) as hook:
        port = hook.port  # free a moment later
    said = folder / "received.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "NIGHTSORT_SECRET": SECRET, "PORT": str(port)},
            stdout=file, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield port, said
        finally:
            process.kill()
            process.wait()


def test_the_receiver_of_the_document_takes_what_is_signed_and_each_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    with receiver(tmp_path) as (port, said):
        known = settings(tmp_path, webhook=f"http://127.0.0.1:{port}/")
        house.night()
        worker = HandoverWorker(known, house.core.clock, is_service=True)
        with worker.kept():
            wait_until(lambda: house.store.handovers.counts()["delivered"] == 1 or retry(house))
            house.core.corrector.correct("return-2.png", "Tshirts", "anna")
            wait_until(lambda: house.store.handovers.counts()["delivered"] == 2 or retry(house))
        assert said.read_text() == "1 filed Shirts\n2 decide Tops\n2 filed Tshirts\n"
    house.store.close()
    house.core.stop()


def retry(house: House) -> bool:
    """Time passes, for calls that came before the receiver was up."""
    house.core.clock.advance(10)
    return False


def test_the_document_says_how_a_call_is_signed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert SIGNATURE in text
    digest = hmac.new(b"key", b"{}", hashlib.sha256).hexdigest()
    assert signature("key", b"{}") == f"sha256={digest}"
    for example in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        assert json.loads(example)["event"] in ("run", "change")
