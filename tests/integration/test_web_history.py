"""What programs learn of returns, runs and alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from daemon.domain.alerts import news
from tests.support.core import tiny_photo
from tests.support.web_core import WebDesk, reviewed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """Three runs, the first of two photos of one return."""
    with reviewed(tmp_path) as desk:
        desk.core.drop("RET-20251013-001 front.png", tiny_photo("Shirts", 1))
        desk.core.drop("ret 20251013 1 back.png", tiny_photo("review", 2))
        desk.core.drain()
        for number in (3, 4):
            desk.core.drop(f"return-6052{number}.png", tiny_photo("Tops", number))
            desk.core.drain()
        yield desk


@pytest.mark.parametrize("spelt", ["20251013-001", "RET-20251013-001", "return 20251013 1"])
def test_a_return_in_any_spelling(desk: WebDesk, spelt: str) -> None:
    told = desk.get(f"/returns/{quote(spelt)}").json()
    assert told["return_id"] == "20251013-001"
    first, second = told["photos"]
    assert first["id"] < second["id"]
    assert {first["filename"], second["filename"]} == {
        "RET-20251013-001 front.png", "ret 20251013 1 back.png",
    }  # fmt: skip
    assert first == desk.get(f"/photos/{first['id']}").json()


@pytest.mark.parametrize(
    "name", ["nothing", "' OR 1=1 --", "#1", "..%2F..", "%00", "\u202e", "a" * 300]
)
def test_what_is_no_return_is_404(desk: WebDesk, name: str) -> None:
    answer = desk.get(f"/returns/{name if '%' in name else quote(name)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_name_that_is_too_long_is_malformed(desk: WebDesk) -> None:
    assert desk.get(f"/returns/{'a' * 301}").json()["code"] == "malformed"


def test_the_runs_newest_first_a_page_at_a_time(desk: WebDesk) -> None:
    kept = desk.core.store.runs.summaries()
    assert desk.get("/runs").json() == {"runs": kept, "next": None}
    first = desk.get("/runs?limit=2").json()
    assert (first["runs"], first["next"]) == (kept[:2], kept[1]["run"])
    rest = desk.get(f"/runs?limit=2&after={first['next']}").json()
    assert rest == {"runs": kept[2:], "next": None}
    (file,) = desk.core.results.glob(f"summary_{kept[0]['run']}.json")
    assert json.loads(file.read_text("utf-8")) == kept[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs?after=nothing", 404),
        ("/runs?after=%00", 404),
        ("/runs?limit=0", 400),
        ("/runs?limit=501", 400),
        ("/alerts?limit=x", 400),
        (f"/runs?after={'a' * 101}", 400),
    ],
)
def test_what_cannot_be_asked_is_refused(desk: WebDesk, path: str, status: int) -> None:
    answer = desk.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_run_of_an_older_nightsort_is_told_as_it_was_kept(desk: WebDesk) -> None:
    store = desk.core.store
    (newest,) = store.runs.summaries(limit=1)
    old = {key: value for key, value in newest.items() if key != "model"}
    store._db.execute("UPDATE runs SET summary = ? WHERE id = ?", (json.dumps(old), newest["run"]))
    assert desk.get("/runs?limit=1").json()["runs"] == [old]


def test_the_alerts_with_their_state(desk: WebDesk) -> None:
    assert desk.get("/alerts").json() == {"alerts": []}
    at = datetime(2026, 11, 26, 6, tzinfo=UTC)
    desk.core.store.alerts.keep([news("run_finished", "one", at, {"run": "one"})])
    (told,) = desk.get("/alerts").json()["alerts"]
    assert (told["rule"], told["facts"], told["resolved"] is None) == (
        "run_finished", {"run": "one"}, False,
    )  # fmt: skip
    assert desk.core.store.alerts.history(5) == [told]
