"""Looking up: what the page finds for what people type, and what it says of each photo."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from daemon.corrections.decisions import Decisions
from daemon.domain.corrections import Via
from daemon.domain.left_alone import LeftAlone
from daemon.domain.orders import Decision, Speaker
from daemon.health.status_file import STATUS
from daemon.store import Wanted, Whereabouts
from tests.support.core import tiny_photo
from tests.support.web_core import WebDesk, reviewed

ANNA = Speaker("anna", Via.PAGE)
HOSTILE = "=cmd<script>alert(1)<b> \u202egpj.exe.png"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """One return of two photos, one photo in review, one with a hostile name, one broken."""
    with reviewed(tmp_path) as desk:
        desk.core.drop("RET-20251013-001 front.png", tiny_photo("Shirts", 1))
        desk.core.drop("ret 20251013 1 back.png", tiny_photo("Tops", 2))
        desk.core.drop("return-60523_a.png", tiny_photo("review", 3))
        desk.core.drop(HOSTILE, tiny_photo("Shirts", 4))
        desk.core.drop("broken.jpg", b"no photo at all")
        desk.core.drain()
        yield desk


def found(desk: WebDesk, query: str) -> list[str]:
    """The names on the page for this query."""
    answer = desk.get(f"/find?{query}")
    assert answer.status_code == 200, answer.text
    return [unescape(one) for one in re.findall(r"<h2>([^<]*\.(?:png|jpg))</h2>", answer.text)]


def facts(page: str) -> str:
    """What is read on a page, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


# What is found

RETURN = ["ret 20251013 1 back.png", "RET-20251013-001 front.png"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=20251013-001", RETURN),
        ("q=" + quote("return_20251013_001"), RETURN),
        ("q=" + quote("  Ret 20251013 1  "), RETURN),
        ("q=return-60523_a.png", ["return-60523_a.png"]),
        ("q=return-60", ["return-60523_a.png"]),
        ("q=tops", ["return-60523_a.png", "ret 20251013 1 back.png"]),
        ("category=Tops&state=filed", ["ret 20251013 1 back.png"]),
        ("state=review", ["return-60523_a.png"]),
        ("state=quarantined", ["broken.jpg"]),
        ("q=20251013-001&category=Shirts", ["RET-20251013-001 front.png"]),
        ("state=retake", []),
        ("q=nobody", []),
        ("day=2001-01-01", []),
        ("category=None+such", []),
    ],
)
def test_photos_are_found_by_what_people_know_of_them(
    desk: WebDesk, query: str, names: list[str]
) -> None:
    assert found(desk, query) == names


def test_by_the_day_of_their_run_however_it_is_written(desk: WebDesk) -> None:
    day = date.fromisoformat(desk.core.store.runs.summaries()[0]["started"][:10])
    every = found(desk, f"day={day}")
    assert len(every) == 5
    assert found(desk, f"q={day}") == found(desk, f"q={day:%d.%m.%Y}") == every
    assert found(desk, f"q={day}&category=Tops&state=review") == ["return-60523_a.png"]


def test_a_photo_that_waits_for_its_turn_too(desk: WebDesk) -> None:
    desk.core.drop("late.png", tiny_photo("Shirts", 8))
    desk.core.take_in()
    assert found(desk, "state=waiting") == ["late.png"]


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE photos; --", "%", "_", "*", "\x00", "#", "#99999999999999999999999", "#-1",
     "../../etc/passwd", "/", "\ud800", "a" * 100_000, "{{ 7*7 }}", "🧦" * 50, "0000-00-00",
     "9999-99-99", "31.02.2026", "\\", '"', "(" * 299, "return " * 40],
)  # fmt: skip
def test_hostile_words_find_nothing_and_harm_nothing(desk: WebDesk, text: str) -> None:
    typed = quote(text, errors="surrogatepass")
    for field in ("q", "category", "day", "state"):
        answer = desk.get(f"/find?{field}={typed[:60_000]}")
        assert answer.status_code == 200
        assert "DROP TABLE photos" not in answer.text or "&#39;; DROP" in answer.text
    assert len(found(desk, "q=20251013-001")) == 2


@pytest.mark.parametrize("query", ["before=0", "before=x", f"before={2**63}"])
def test_a_place_in_the_list_that_is_none_is_refused(desk: WebDesk, query: str) -> None:
    assert desk.get(f"/find?q=a&{query}").status_code == 400


def test_a_hostile_name_is_shown_and_never_obeyed(desk: WebDesk) -> None:
    page = desk.get("/find?q=" + quote(HOSTILE)).text
    assert "<script>alert" not in page
    assert "\u202e" not in page.replace(HOSTILE, "").split("<h2>")[-1]
    assert "&lt;script&gt;" in page


# What is said of a photo


def test_all_that_people_ask_of_a_photo_stands_there(desk: WebDesk) -> None:
    (story,) = desk.core.store.history.newest_in_review(10)
    waiting = desk.get("/find?state=review").text
    assert f'src="/photos/{story.id}/image?side=320"' in waiting
    assert "waits for a decision" in waiting
    said = facts(waiting)
    assert "Verdict Tops, 41.2 %, a person decides" in said.replace("\N{NO-BREAK SPACE}", " ")
    decisions = Decisions(desk.core.store, desk.core.corrector, desk.core.clock)
    decisions.decide(story.id, Decision.CATEGORY, "Shirts", ANNA)
    said = facts(desk.get("/find?q=60523").text)
    assert "anna: Shirts, not Tops" in said
    assert "Lies in sorted/Shirts/return-60523_a.png" in said
    assert found(desk, "category=Shirts&q=60523") == ["return-60523_a.png"]
    assert found(desk, "category=Tops&q=60523") == []


def test_where_it_is_in_the_warehouse_and_in_german(desk: WebDesk) -> None:
    desk.site.settings.categories.update(
        type(desk.site.settings)
        .model_validate(
            {
                **desk.site.settings.model_dump(),
                "categories": {"Shirts": {"code": "SH", "location": "Section A, Aisle 4"}},
            }
        )
        .categories
    )
    page = desk.get("/find?category=Shirts", **{"accept-language": "de"}).text
    assert 'lang="de"' in page
    assert "SH · Section A, Aisle 4" in page
    assert "abgelegt" in page


def test_what_could_not_be_read_says_why_and_has_no_picture(desk: WebDesk) -> None:
    page = desk.get("/find?q=broken.jpg").text
    assert "It is no photo that can be read." in page
    assert "no picture" in page
    assert '<img src="/photos/' not in page


# A page of them


def test_more_than_a_page_is_turned_to_older_ones_and_back(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        for number in range(30):
            desk.core.drop(f"return-61{number:03}.png", tiny_photo("Shirts", number))
        desk.core.drain()
        first = desk.get("/find?q=return-61").text
        (older,) = re.findall(r'rel="next" href="([^"]+)"', first)
        rest = desk.get(f"/find{unescape(older)}").text
        names = re.findall(r"<h2>(return-61\d+\.png)</h2>", first + rest)
        assert (len(names), len(set(names))) == (30, 30)
        assert 'rel="next"' not in rest
        assert 'href="?q=return-61"' in rest
        assert "There are no older ones" in desk.get("/find?q=return-61&before=1").text


# Where there is nothing


@pytest.mark.parametrize("state", list(Whereabouts))
def test_every_state_can_be_asked_for(desk: WebDesk, state: Whereabouts) -> None:
    answer = desk.get(f"/find?state={state}")
    assert answer.status_code == 200
    assert f'<option value="{state}" selected>' in answer.text


def test_each_kind_of_nothing_says_what_to_do(desk: WebDesk) -> None:
    assert "For example" in desk.get("/find").text
    assert "only the beginning" in desk.get("/find?q=nobody").text


def test_a_file_in_incoming_that_is_no_photo_is_told(desk: WebDesk) -> None:
    left = LeftAlone(names=("notes.txt",)).as_json()
    (desk.core.state / STATUS).write_text(json.dumps({"left_alone": left}), "utf-8")
    assert "notes.txt: lies in incoming and is no photo" in desk.get("/find?q=notes.txt").text


def test_before_the_first_run_it_says_so(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        desk.core.store.close()
        for file in desk.core.state.glob("nightsort.db*"):
            file.unlink()
        answer = desk.get("/find?q=60521")
        assert answer.status_code == 200
        assert "There is no history yet" in answer.text


# The store's part


def test_the_newest_come_first_and_a_return_in_the_order_of_its_photos(desk: WebDesk) -> None:
    store = desk.core.store
    assert len(store.search.stories(Wanted(category="Shirts"), 10)) == 2
    assert store.search.stories(Wanted(category="Shirts", whereabouts=Whereabouts.GONE), 10) == []
    newest = store.search.stories(Wanted(), 1)[0]
    assert store.search.stories(Wanted(), 10, before=newest.id)[0].id < newest.id
    assert [one.return_id for one in store.search.of_return("RET 20251013-1", 10)] == [
        "20251013-001"
    ] * 2
