"""The first page: state, what waits, how it goes; and its tables as files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from config import catalogue
from config.contact import ContactSettings
from daemon.domain.alerts import news
from daemon.folders.writing import unguarded
from daemon.health.status_file import STATUS
from daemon.store.facts import WINDOWS_MISSED
from tests.support.core import tiny_photo
from tests.support.web_core import WebDesk, reviewed
from web.pages.figures import Figures
from web.pages.home import Asked
from web.pages.wording import Wording
from web.reading.dashboard import Period
from web.reading.photos import history
from web.templating import HERE

NOW = datetime.now(UTC)
TODAY = NOW.date()
TEXTS = catalogue.read(HERE / "texts")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """One run of four photos, as if it had been today."""
    with reviewed(tmp_path) as desk:
        for number in (1, 2):
            desk.core.drop(f"return-6052{number}.png", tiny_photo("Shirts", number))
        desk.core.drop("ret 60523.png", tiny_photo("review", 3))
        desk.core.drop("broken.jpg", b"no photo at all")
        desk.core.drain()
        move_runs(desk, TODAY)
        yield desk


def move_runs(desk: WebDesk, *days: date) -> None:
    """Let the runs, oldest first, have been on these days."""
    db = desk.core.store._db
    rows = db.execute("SELECT id, started_at, summary FROM runs ORDER BY rowid").fetchall()
    for (run, started, summary), day in zip(rows, days, strict=True):
        moved = f"{day}{started[10:]}"
        told = {**json.loads(summary), "started": moved}
        db.execute(
            "UPDATE runs SET started_at = ?, summary = ? WHERE id = ?",
            (moved, json.dumps(told), run),
        )


def rows_of(desk: WebDesk, name: str, asked: str = "days=30") -> list[dict[str, str]]:
    """A table of the page, as a spreadsheet reads it."""
    answer = desk.get(f"/page/figures/{name}.csv?{asked}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"nightsort_{name}.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return [*csv.DictReader(StringIO(answer.content.decode("utf-8-sig"), newline=""))]


def words(page: str) -> str:
    """What is read on a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


# How it is


def test_it_says_how_it_is_and_what_waits_for_people(desk: WebDesk) -> None:
    page = desk.get("/")
    said = words(page.text)
    assert "nightsort is not sorting" in said
    german = words(desk.get("/", **{"accept-language": "de"}).text)
    assert "nightsort läuft nicht; systemctl start nightsort startet es" in german
    assert re.search(r"as of \d\d:\d\d:\d\d", said)
    assert "systemctl start nightsort" in said
    assert 'href="/review">1</a>' in page.text
    assert "2 filed, 1 to decide, 1 to take again" in said
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert not re.search(r"<[^>]+ style=|<script(?! src)|<style", page.text)


def status(desk: WebDesk, monkeypatch: pytest.MonkeyPatch, **told: Any) -> str:
    """What the page says of this status of a daemon that runs."""
    document = {
        "state": "waiting", "model": "shop-1", "problems": [], "forecast": None, "window": None,
        "queue": {"waiting": 1234, "settling": 2, "retrying": 0}, "share": {}, "watch": None,
        "steady": 10.0**15, **told,
    }  # fmt: skip
    (desk.core.state / STATUS).write_text(json.dumps(document), "utf-8")
    monkeypatch.setattr("daemon.health.status_file.is_held", lambda _: True)
    return words(desk.get("/").text).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ({"fewer_a_night": 8.6, "is_certain": True}, "9 fewer photos a night to decide: 11.1 %"),
        ({"fewer_a_night": -12.0, "is_certain": True}, "12 more photos a night to decide: 11.1 %"),
        ({"fewer_a_night": 8.6, "is_certain": False}, ""),
        ({"fewer_a_night": 0.3, "is_certain": True}, ""),
        ({}, ""),  # of an older nightsort
    ],
)
def test_what_the_last_lesson_brought_is_said_where_it_is_no_chance(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch, effect: dict[str, Any], words: str
) -> None:
    shares = {"since": "2026-11-24T02:00:00+01:00", "before": 0.2, "after": 0.1111}
    learning = {"adopt": "ask", "examples": 60, "new": 3, "last": None, "effect": shares | effect}
    said = status(desk, monkeypatch, learning=learning)
    assert ("photos a night to decide" in said) == bool(words)
    assert words in said
    assert "new examples since the last lesson" not in said
    enough = status(desk, monkeypatch, learning=learning | {"new": 46, "effect": None})
    assert "46 new examples since the last lesson: learn?" in enough


def test_queue_forecast_and_window_of_a_daemon_that_runs(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = {
        "mode": "window", "open": False, "opens": "2026-11-27T02:00:00+01:00",
        "closes": "2026-11-27T06:00:00+01:00",
    }  # fmt: skip
    forecast = {
        "waiting": 1234, "will_not_fit": 0, "done_by": "2026-11-27T02:41:00+01:00", "text": "",
    }  # fmt: skip
    said = status(desk, monkeypatch, window=window, forecast=forecast)
    assert "All is well" in said
    assert "1,234" in said
    assert "the next window opens Fri 27 Nov, 02:00" in said
    assert "all done by, as it looks Fri 27 Nov, 02:41" in said
    late = status(desk, monkeypatch, window=window, forecast={**forecast, "will_not_fit": 34})
    assert "34 will not be done before the window closes" in late
    open_now = status(desk, monkeypatch, window={**window, "open": True})
    assert "the window is open until Fri 27 Nov, 06:00" in open_now
    by_hand = status(
        desk, monkeypatch, window={"mode": "manual", "open": False, "opens": None, "closes": None}
    )
    assert "when it is asked to" in by_hand


def test_the_part_that_renews_itself_is_that_part_of_the_page(desk: WebDesk) -> None:
    page, part = desk.get("/").text, desk.get("/page/now").text
    assert 'data-source="/page/now"' in page
    assert "<html" not in part

    def without_time(text: str) -> str:
        return re.sub(r"<time.*?</time>", "", text)

    assert without_time(part).strip() in without_time(page)
    assert re.search(r'id="stale" [^>]*hidden', page)


def test_before_the_first_run_it_says_what_to_do(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        assert "Nothing was sorted yet" in desk.get("/").text
        desk.core.store.close()
        for file in desk.core.state.glob("nightsort.db*"):
            file.unlink()
        page = desk.get("/")
        assert page.status_code == 200
        assert "Put photos into the incoming folder" in page.text
        assert desk.get("/page/figures/days.csv").status_code == 404


def test_a_history_that_is_damaged_is_told_and_the_page_stands(desk: WebDesk) -> None:
    desk.core.store.close()
    (desk.core.state / "nightsort.db").write_bytes(b"x" * 8192)
    answer = desk.get("/")
    assert answer.status_code == 503
    assert "Traceback" not in answer.text


def test_a_history_of_before_an_upgrade_waits_for_the_daemon(desk: WebDesk) -> None:
    desk.core.store._db.execute("PRAGMA user_version = 3")
    for path in ("/", "/find?q=60521", "/page/runs"):
        assert desk.get(path).status_code == 503
    told = desk.get("/runs").json()
    assert (told["code"], "when the daemon starts" in told["detail"]) == ("unavailable", True)


def test_a_history_that_an_upgrade_made_newer_while_it_was_open_is_told_so(desk: WebDesk) -> None:
    assert desk.get("/runs").status_code == 200  # it stays open
    desk.core.store._db.execute("PRAGMA user_version = 1000")
    answer = desk.get("/runs")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "install that version again" in answer.json()["detail"]


# How it goes


def test_the_days_in_figures_and_as_a_file(desk: WebDesk) -> None:
    (row,) = rows_of(desk, "days")
    assert {key: row[key] for key in ("day", "runs", "photos", "filed", "to_decide")} == {
        "day": f"{TODAY}", "runs": "1", "photos": "4", "filed": "2", "to_decide": "1",
    }  # fmt: skip
    assert (row["to_retake"], row["success"], row["review_share"]) == ("1", "75.00", "33.33")
    page = desk.get("/").text
    assert page.count("<svg viewBox") == 6
    assert f"{Wording(TEXTS['en']).short_day(TODAY)}: 4 – 2 filed, 1 to decide" in page


def test_only_the_days_that_were_asked_for_count_and_the_ones_before_are_compared(
    desk: WebDesk,
) -> None:
    desk.core.drop("return-60599.png", tiny_photo("Tops", 9))
    desk.core.drain()
    move_runs(desk, TODAY - timedelta(days=8), TODAY)
    assert [row["photos"] for row in rows_of(desk, "days", "days=7")] == ["1"]
    assert [row["photos"] for row in rows_of(desk, "days", "days=30")] == ["1", "4"]
    said = words(desk.get("/?days=7").text)
    assert "photos, before that 4" in said
    weeks = rows_of(desk, "weeks")
    assert {row["category"] for row in weeks} == {"Shirts", "Tops"}
    assert sorted([*weeks[0].values()][1:]) != []


def test_a_run_that_has_ended_meanwhile_is_on_the_page_at_once(desk: WebDesk) -> None:
    assert [row["photos"] for row in rows_of(desk, "days")] == ["4"]
    desk.core.drop("return-60599.png", tiny_photo("Tops", 9))
    desk.core.drain()
    move_runs(desk, TODAY, TODAY)
    assert [row["photos"] for row in rows_of(desk, "days")] == ["5"]


def test_confidences_and_reasons(desk: WebDesk) -> None:
    assert [(r["from"], r["auto"], r["review"]) for r in rows_of(desk, "confidences")] == [
        ("95.00", "2", "0"),
        ("40.00", "0", "1"),
    ]
    assert [(r["outcome"], r["reason"], r["photos"]) for r in rows_of(desk, "reasons")] == [
        ("not readable", "It is no photo that can be read.", "1"),
        ("to decide", "Unsure between two categories.", "1"),
    ]


def test_alerts_with_how_they_stand_and_no_cell_is_a_formula(desk: WebDesk) -> None:
    at = datetime(2026, 11, 26, 6, tzinfo=UTC)
    desk.core.store.alerts.keep([news("imbalance", "one", at, {"run": "one"})])
    desk.core.store.alerts.acknowledge(1, "=anna()", at)
    (row,) = rows_of(desk, "alerts")
    assert (row["alert"], row["severity"], row["now"]) == (
        "A run’s figures do not add up", "error", "told",
    )  # fmt: skip
    assert row["known_to"].startswith("'")
    assert unguarded(row["known_to"]) == "=anna()"


def test_four_weeks_with_what_rises_and_why_people_decided(desk: WebDesk) -> None:
    (mix, *_) = rows_of(desk, "mix")
    assert (mix["category"], mix["trend"]) == ("Shirts", "steady")
    assert (mix["week_3"], mix["week_4"]) == ("", "66.67")
    *before, newest = rows_of(desk, "weekly")
    assert [row["photos"] for row in before] == ["0", "0", "0"]
    assert (newest["photos"], newest["review_share"]) == ("4", "33.33")
    assert newest["reason"] == "unsure between two categories 1"
    # On 30 January a page of 30 days is all of the year, and does not tell of it beside.
    german = " ".join(
        words(desk.get(f"/?days={days}", **{"accept-language": "de"}).text) for days in (7, 30)
    )
    assert "Wie es sich entwickelt Dieses Jahr bisher: 4 Fotos, 1 Lauf, 1 zu entscheiden" in german
    assert "Monat gegen Monat" in german


def test_month_against_month_the_newest_first(desk: WebDesk) -> None:
    desk.core.drop("return-60599.png", tiny_photo("Tops", 9))
    desk.core.drain()
    earlier = TODAY.replace(day=1) - timedelta(days=40)
    move_runs(desk, earlier, TODAY)
    rows = rows_of(desk, "months")
    assert [row["photos"] for row in rows] in (["1", "0", "4"], ["1", "4"])
    assert (rows[0]["success"], rows[-1]["review_share"]) == ("100.00", "33.33")


def test_windows_kept_are_told_without_that_a_run_ends(desk: WebDesk) -> None:
    move_runs(desk, TODAY - timedelta(days=9))
    window = desk.site.settings.window.model_copy(update={"mode": "window", "timezone": "UTC"})
    settings = desk.site.settings.model_copy(update={"window": window})
    nightly = WebDesk(desk.core, replace(desk.site, settings=settings), "nightly")
    told = re.search(r"Windows kept: (\d+) of (\d+)", words(nightly.get("/?days=7").text))
    assert told is not None
    kept, due = map(int, told.groups())
    assert due in (6, 7)  # whether that of today is over
    opened = [datetime.combine(TODAY - timedelta(days=n), time(2), UTC) for n in (2, 3)]
    desk.core.store.facts.remember(WINDOWS_MISSED, [one.isoformat() for one in opened])
    text = words(nightly.get("/?days=7").text)
    assert f"Windows kept: {kept - 2} of {due}" in text


def test_without_a_window_none_is_said_to_be_kept(desk: WebDesk) -> None:
    said = words(desk.get("/").text)
    assert "Times that sorting failed: 0" in said
    assert "Undecided now: 1 photo, the oldest since" in said
    assert ("Windows kept" in said) == (desk.site.settings.window.mode == "window")


def test_what_it_is_worth_with_all_that_is_assumed(desk: WebDesk) -> None:
    said = words(desk.get("/").text)
    assert "What it is worth people’s time saved 44 s" in said
    assert "3 photos at 30 s by hand, less 1 decision at 46 s and 0 quick looks at 10 s" in said
    assert "decisions assumed: [value] review_seconds" in said
    assert "once [value] wage_per_hour is set" in said
    (row,) = rows_of(desk, "worth")
    assert (row["judged"], row["decisions"], row["looks"]) == ("3", "1", "0")
    assert (row["hours_saved"], row["money_saved"]) == ("0.01", "")


def test_calls_of_the_api_by_the_hour_with_their_times(desk: WebDesk) -> None:
    assert "Calls of the last 24 hours" not in desk.get("/").text
    for path in ("/classes", "/photos/999", "/runs"):
        desk.get(path)
    desk.site.recorder.write()
    said = words(desk.get("/").text)
    assert "Calls of the last 24 hours" in said
    (row,) = rows_of(desk, "calls")
    assert (row["calls"], row["refused"]) == ("3", "1")
    assert float(row["p95"]) >= float(row["p50"]) > 0
    paths = {row["path"]: row["refused"] for row in rows_of(desk, "paths")}
    assert paths == {"/classes": "0", "/photos/{id}": "1", "/runs": "0"}


def test_alerts_stand_there_before_the_first_run(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        at = datetime(2026, 11, 26, 6, tzinfo=UTC)
        desk.core.store.alerts.keep([news("imbalance", "one", at, {"run": "one"})])
        page = desk.get("/").text
        assert "Nothing was sorted yet" in page
        assert "A run’s figures do not add up" in page


@pytest.mark.parametrize("days", [7, 30, 90])
def test_the_page_stays_small_however_long_the_history(desk: WebDesk, days: int) -> None:
    rows = desk.core.store._db.execute("SELECT summary FROM runs").fetchall()
    told = json.loads(rows[0][0])
    for back in range(1, 200):
        day = TODAY - timedelta(days=back)
        categories = {f"Category {n}": 10 + (n * back) % 7 for n in range(40)}
        summary = {**told, "run": f"r{back}", "started": f"{day}T02:00:00+00:00",
                   "categories": categories, "successful": 480, "duplicates": 5}  # fmt: skip
        desk.core.store._db.execute(
            "INSERT INTO runs (id, started_at, finished_at, waiting_before, model, summary)"
            " VALUES (?, ?, ?, 0, 'm', ?)",
            (f"r{back}", f"{day}T02:00:00+00:00", f"{day}T02:01:00+00:00", json.dumps(summary)),
        )
    for language in ("en", "de"):
        page = desk.get(f"/?days={days}", **{"accept-language": language})
        assert page.status_code == 200
        assert len(page.content) < 100_000
    assert len(rows_of(desk, "days", f"days={days}")) == days
    for table in ("weeks", "mix"):
        assert len(rows_of(desk, table, f"days={days}")) >= 40
    assert "More rows in the file:" in desk.get(f"/?days={days}").text


def test_any_days_can_be_asked_for(desk: WebDesk) -> None:
    move_runs(desk, TODAY - timedelta(days=200))
    first, last = TODAY - timedelta(days=210), TODAY - timedelta(days=190)
    asked = f"from={first}&to={last}"
    page = desk.get(f"/?{asked}").text
    assert f'value="{first}"' in page
    assert f'value="{last}"' in page
    assert f"days.csv?from={first}&amp;to={last}" in page
    assert 'aria-current="true"' not in page
    (row,) = rows_of(desk, "days", asked)
    assert (row["day"], row["photos"]) == (str(TODAY - timedelta(days=200)), "4")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        (Asked(None, TODAY - timedelta(days=400), TODAY - timedelta(days=1)), 92, 1),
        (Asked(None, TODAY - timedelta(days=3), None), 3, 0),
        (Asked(None, None, TODAY - timedelta(days=10)), 39, 10),
        (Asked(None, TODAY, TODAY - timedelta(days=5)), 5, 5),
        (Asked(None, TODAY + timedelta(days=5), TODAY + timedelta(days=9)), 0, 0),
        (Asked(7, None, None), 6, 0),
    ],
)
def test_days_are_some_that_a_page_can_tell_of(asked: Asked, first: int, last: int) -> None:
    said = asked.period(TODAY)
    assert said == Period(TODAY - timedelta(days=first), TODAY - timedelta(days=last))


def test_days_that_are_none_are_left_out(desk: WebDesk) -> None:
    page = desk.get("/?from=&to=yesterday").text
    assert f'value="{TODAY - timedelta(days=29)}"' in page
    assert f'value="{TODAY}"' in page


@pytest.mark.parametrize(
    "path", ["/?days=0", "/?days=93", "/?days=x", "/page/figures/days.csv?days=-1"]
)
def test_spans_that_are_none_are_refused(desk: WebDesk, path: str) -> None:
    assert desk.get(path).status_code == 400


@pytest.mark.parametrize("name", ["nothing", "..%2Fdays", "%00"])
def test_a_table_that_is_none_is_not_found(desk: WebDesk, name: str) -> None:
    assert desk.get(f"/page/figures/{name}.csv").status_code == 404


# Words


def test_numbers_and_days_are_written_as_the_language_has_them(desk: WebDesk) -> None:
    english, german = Wording(TEXTS["en"]), Wording(TEXTS["de"])
    assert (english.number(1234567.5, 1), german.number(1234567.5, 1)) == (
        "1,234,567.5", "1.234.567,5",
    )  # fmt: skip
    day = date(2026, 3, 2)
    assert (english.day(day), german.day(day)) == (
        "Mon\N{NO-BREAK SPACE}2\N{NO-BREAK SPACE}Mar 2026",
        "Mo\N{NO-BREAK SPACE}2.\N{NO-BREAK SPACE}März 2026",
    )
    assert german.percent(None) == "–"
    week = Period(TODAY - timedelta(days=6), TODAY)
    with history(desk.core.state) as store:
        board = desk.site.boards.of(store, desk.site.settings, week, NOW)
    tables = Figures(board, TEXTS["de"], UTC).tables()
    assert tables["days"].cells(tables["days"].rows[0], german)[7] == (
        "75,0\N{NO-BREAK SPACE}%", "percent",
    )  # fmt: skip


def test_whom_people_may_ask_stands_on_every_page(desk: WebDesk) -> None:
    assert "Questions?" not in desk.get("/").text
    contact = ContactSettings(name="IT <desk>", phone="+49 30 1234", email="it@example.com")
    settings = desk.site.settings.model_copy(update={"contact": contact})
    with_contact = replace(desk.site, settings=settings)
    asked = WebDesk(desk.core, with_contact, "asked")
    for path in ("/", "/find", "/page/runs"):
        page = asked.get(path).text
        assert "Questions? IT &lt;desk&gt;" in page
        assert 'href="tel:+49301234"' in page
        assert 'href="mailto:it@example.com"' in page
