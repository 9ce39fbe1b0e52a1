"""The screen at the photo table: who sees it, what it shows of what came in, and its pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from classifier.pixels import UInt8Array
from classifier.verdict import Band, Reason, Verdict
from tests.support.classifiers import verdict
from tests.support.core import by_tone, tiny_photo
from tests.support.web_core import WebDesk, reviewed
from web.station import LOOKED_AT, URGENT

TABLET = "10.0.7.20"


def think(picture: UInt8Array) -> Verdict:
    """Of a photo in the middle of the scale it says that it is too dark."""
    found = by_tone(picture)
    if found.band is not Band.REVIEW:
        return found
    return verdict("Tops", 0.4, Band.REVIEW, Reason.TOO_DARK)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    web = {"station_addresses": ["10.0.7.0/24"], "trusted_proxies": ["10.0.7.1", "127.0.0.1"]}
    with reviewed(tmp_path, web, think=think) as desk:
        desk.core.clock.set_wall_clock(datetime.now(UTC))
        yield desk


def cards(desk: WebDesk) -> list[tuple[str, str]]:
    """Kind and words of each card, as the tablet has them."""
    answer = desk.ask_from(TABLET, "/page/station")
    assert answer.status_code == 200, answer.text
    found = re.findall(r'<li class="arrival (\w+)">(.*?)</li>', answer.text, re.DOTALL)
    return [
        (kind, " ".join(unescape(re.sub(r"<[^>]+>", " ", inner)).split())) for kind, inner in found
    ]


# Who sees it


def test_a_tablet_that_is_named_needs_no_sign_in_and_sees_nothing_else(desk: WebDesk) -> None:
    assert desk.ask_from(TABLET, "/station").status_code == 200
    assert desk.ask_from(TABLET, "/page/station").status_code == 200
    for path in ("/", "/review", "/find", "/page/runs", "/page/now"):
        assert desk.ask_from(TABLET, path).headers["location"].startswith("/login"), path
    for path in ("/photos/1", "/photos/1/image", "/reviews", "/runs"):
        assert desk.ask_from(TABLET, path).status_code == 401, path


@pytest.mark.parametrize(
    ("address", "forwarded"),
    [
        ("10.0.8.20", ""),
        ("10.0.8.20", TABLET),  # anybody may write that
        ("127.0.0.1", "10.0.8.20"),
        ("127.0.0.1", f"{TABLET}, 10.0.8.20"),
        ("127.0.0.1", ""),
        ("10.0.7.1", ""),  # a proxy that does not say for whom it asks
        ("127.0.0.1", "unknown"),
    ],
)
def test_everybody_else_must_sign_in(desk: WebDesk, address: str, forwarded: str) -> None:
    said = {"x-forwarded-for": forwarded} if forwarded else {}
    for path in ("/station", "/page/station", "/page/station/1/image", "/page/events"):
        answer = desk.ask_from(address, path, **said)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), path


def test_behind_a_proxy_the_tablets_own_address_counts(desk: WebDesk) -> None:
    answer = desk.ask_from("127.0.0.1", "/station", **{"x-forwarded-for": TABLET})
    assert answer.status_code == 200


# What it shows


def test_each_photo_is_received_then_good_or_to_be_taken_again(desk: WebDesk) -> None:
    core = desk.core
    assert cards(desk) == []
    core.drop("return_60501_front.png", tiny_photo("Shirts", 1))
    core.drop("return_60502_front.png", tiny_photo("review", 2))
    core.drop("return_60503_front.jpg", b"no photo at all")
    core.take_in()
    assert [kind for kind, _ in cards(desk)] == ["received"] * 3
    core.look_ahead()
    (unreadable, dark, good) = cards(desk)
    assert (unreadable[0], dark[0], good[0]) == ("again", "again", "good")
    assert "Take it again cannot be read" in unreadable[1]
    assert "Take it again too dark 60502" in dark[1]
    assert "Photos today: 3" in desk.ask_from(TABLET, "/page/station").text
    core.drop("return 60502 better.png", tiny_photo("Shirts", 3))
    core.take_in()
    core.look_ahead()
    assert [kind for kind, _ in cards(desk)] == ["again", "good", "retaken", "good"]


def test_after_its_run_it_says_the_same(desk: WebDesk) -> None:
    core = desk.core
    core.drop("return_60501_front.png", tiny_photo("Shirts", 1))
    core.drop("return_60502_front.png", tiny_photo("review", 2))
    core.drop("return_60503_front.jpg", b"no photo at all")
    core.drain()
    assert sorted(kind for kind, _ in cards(desk)) == ["again", "again", "good"]
    core.corrector.correct("return_60502_front.png", "Tops", "anna")
    assert sorted(kind for kind, _ in cards(desk)) == ["again", "good", "good"]


def test_what_somebody_took_away_again_is_not_shown(desk: WebDesk) -> None:
    core = desk.core
    core.drop("return_60501_front.png", tiny_photo("Shirts", 1))
    core.drop("return_60502_front.png", tiny_photo("Shirts", 2)).unlink()
    core.take_in()
    core.drop("return_60502_front.png", tiny_photo("Shirts", 2))
    core.take_in()
    (core.incoming / "return_60502_front.png").unlink()
    core.work()
    assert len(cards(desk)) == 1


def test_only_the_photos_of_today_are_counted(desk: WebDesk) -> None:
    core = desk.core
    core.clock.set_wall_clock(datetime.now(UTC) - timedelta(days=2))
    core.drop("a.png", tiny_photo("Shirts", 1))
    core.take_in()
    core.clock.set_wall_clock(datetime.now(UTC))
    core.drop("b.png", tiny_photo("Shirts", 2))
    core.take_in()
    assert "Photos today: 1" in desk.ask_from(TABLET, "/page/station").text
    assert core.store.arrivals.since(datetime.now(UTC) - timedelta(days=3)) == 2
    assert core.store.arrivals.since(datetime.now(UTC) + timedelta(days=1)) == 0


def test_while_nightsort_does_not_run_it_says_so(desk: WebDesk) -> None:
    assert "nightsort is not running" in desk.ask_from(TABLET, "/station").text
    german = desk.ask_from(TABLET, "/station", **{"accept-language": "de"}).text
    assert "nightsort läuft nicht" in german


def test_before_the_first_photo_it_says_how_one_comes(tmp_path: Path) -> None:
    with reviewed(tmp_path, {"station_addresses": [TABLET]}) as desk:
        desk.core.store.close()
        for file in desk.core.state.glob("nightsort.db*"):
            file.unlink()
        assert "No photos yet" in desk.ask_from(TABLET, "/station").text


def test_while_the_history_cannot_be_read_it_says_so_and_goes_on_asking(
    desk: WebDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.health.status_file.is_held", lambda _: True)
    desk.core.store.close()
    (desk.core.state / "nightsort.db").write_bytes(b"x" * 8192)
    answer = desk.ask_from(TABLET, "/station")
    assert answer.status_code == 200
    assert 'data-source="/page/station"' in answer.text
    assert "is not running" in answer.text or "cannot be read at this moment" in answer.text


def test_there_is_nothing_to_press_and_no_script_in_it(desk: WebDesk) -> None:
    desk.core.drop("a.png", tiny_photo("Shirts", 1))
    desk.core.take_in()
    page = desk.ask_from(TABLET, "/station").text
    main = page.partition("<main")[2]
    assert not re.search(r"<(a|button|input|select|form)\b", main)
    assert not re.search(r"<script(?! src)|<style| style=| on\w+=", page)
    assert '<noscript><meta http-equiv="refresh"' in page


# Pictures


def test_its_pictures_are_of_what_came_in_lately_wherever_it_lies(desk: WebDesk) -> None:
    core = desk.core
    core.drop("a.png", tiny_photo("Shirts", 1))
    core.take_in()
    path = re.findall(r'src="(/page/station/\d+/image)"', desk.ask_from(TABLET, "/station").text)[0]
    waiting = desk.ask_from(TABLET, path)
    assert (waiting.status_code, waiting.headers["content-type"]) == (200, "image/jpeg")
    assert "etag" not in waiting.headers  # nobody has read it yet, so it may be another
    core.look_ahead()
    known = desk.ask_from(TABLET, path).headers["etag"]
    assert desk.ask_from(TABLET, path, **{"if-none-match": known}).status_code == 304
    core.drain()
    filed = desk.ask_from(TABLET, path)
    assert (filed.status_code, filed.headers["etag"]) == (200, known)


@pytest.mark.parametrize("number", ["2", "0", "-1", "x", "99999999999999999999"])
def test_there_is_no_picture_of_anything_else(desk: WebDesk, number: str) -> None:
    desk.core.drop("a.png", tiny_photo("Shirts", 1))
    desk.core.take_in()
    answer = desk.ask_from(TABLET, f"/page/station/{number}/image")
    assert answer.status_code in (400, 404)


def test_a_photo_that_came_long_ago_is_not_shown_to_whoever_guesses_its_number(
    desk: WebDesk,
) -> None:
    core = desk.core
    for number in range(70):
        core.drop(f"{number}.png", tiny_photo("Shirts", number))
    core.take_in()
    oldest = min(one.id for one in core.store.arrivals.lately(datetime.now(UTC), 100, 100))
    assert desk.ask_from(TABLET, f"/page/station/{oldest}/image").status_code == 404
    assert desk.ask_from(TABLET, f"/page/station/{oldest + 69}/image").status_code == 200


def drop_many(desk: WebDesk, begin: int) -> None:
    """More at once than are looked at whenever they came."""
    for number in range(begin, begin + LOOKED_AT + 5):
        desk.core.drop(f"{number}.png", tiny_photo("Shirts", number))
    desk.core.take_in()


def test_what_is_to_be_taken_again_stays_however_many_come_after_it(desk: WebDesk) -> None:
    core = desk.core
    core.drop("return_60502_front.png", tiny_photo("review", 2))
    core.take_in()
    core.look_ahead()
    (dark,) = core.store.arrivals.lately(datetime.now(UTC), 2, 2)
    drop_many(desk, 100)
    assert cards(desk)[0][0] == "again"
    assert f"/page/station/{dark.id}/image" in desk.ask_from(TABLET, "/station").text
    assert desk.ask_from(TABLET, f"/page/station/{dark.id}/image").status_code == 200
    core.drop("return_60502_better.png", tiny_photo("Shirts", 3))
    core.take_in()
    core.look_ahead()
    drop_many(desk, 200)
    assert "again" not in [kind for kind, _ in cards(desk)]


def test_what_was_to_be_taken_again_long_ago_is_not_shown_when_many_came_after_it(
    desk: WebDesk,
) -> None:
    core = desk.core
    core.clock.set_wall_clock(datetime.now(UTC) - URGENT)
    core.drop("return_60502_front.png", tiny_photo("review", 2))
    core.take_in()
    core.look_ahead()
    core.clock.set_wall_clock(datetime.now(UTC))
    (dark,) = core.store.arrivals.lately(datetime.now(UTC), 2, 2)
    assert [kind for kind, _ in cards(desk)] == ["late"]
    drop_many(desk, 100)
    assert {kind for kind, _ in cards(desk)} == {"received"}
    assert desk.ask_from(TABLET, f"/page/station/{dark.id}/image").status_code == 404
