"""Pick lists on the page: by place, printed, and printed again only as far as they changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import httpx
import pytest

from config.contact import ContactSettings
from config.settings import CategorySettings
from daemon.health.systemd import Notifier
from tests.support.core import tiny_photo
from tests.support.web_core import WebDesk, reviewed
from web.database import WebStore
from web.database.prints import KEPT_DAYS, Prints
from web.roles import Role
from web.serving import _Chores

_HERE = "/page/pick-lists"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """One run: two returns in Shirts, one in Tops, one photo that waits."""
    with reviewed(tmp_path) as desk:
        known = {"Tops": CategorySettings(code="TP", location="Section B, Aisle 1")}
        settings = desk.site.settings.model_copy(update={"categories": known})
        object.__setattr__(desk.site, "settings", settings)
        desk.core.drop("return-60521_front.png", tiny_photo("Shirts", 1))
        desk.core.drop("return-60521_back.png", tiny_photo("Shirts", 2))
        desk.core.drop("return-60522_front.png", tiny_photo("Shirts", 3))
        desk.core.drop("return-60523_<b>.png", tiny_photo("Tops", 4))
        desk.core.drop("return-60524_front.png", tiny_photo("review", 5))
        desk.core.drain()
        yield desk


def run_of(desk: WebDesk) -> str:
    (summary,) = desk.core.store.runs.summaries()
    return str(summary["run"])


def clerk(desk: WebDesk, name: str = "anna") -> dict[str, str]:
    return {"x-api-key": desk.site.store.keys.add(name, Role.CLERK)}


def press(desk: WebDesk, who: dict[str, str], path: str, **fields: str) -> httpx.Response:
    return desk.ask("POST", path, headers=who, data=fields)


def printed(desk: WebDesk, who: dict[str, str], what: str) -> str:
    """The sheet that comes of it, as text."""
    answer = press(desk, who, f"{_HERE}/{run_of(desk)}", what=what)
    assert answer.status_code == 303, answer.text
    path, _, fragment = answer.headers["location"].partition("#")
    assert fragment == "print"
    return desk.get(path).text


def sheets(page: str) -> dict[str, list[str]]:
    """What stands on it, by heading: each line as text."""
    found = {}
    for section in re.findall(r'(?s)<section class="sheet"(.*?)</section>', page):
        heading = re.search(r"(?s)<h2>(.*?)</h2>", section)
        assert heading is not None
        lines = re.findall(r"(?s)<li>(.*?)</li>", section)
        found[heading[1]] = [" ".join(unescape(re.sub(r"<[^>]+>", " ", one)).split())
                             for one in lines]  # fmt: skip
    return found


def test_the_lists_are_by_place_with_how_much_is_in_them(desk: WebDesk) -> None:
    page = desk.get(_HERE).text
    rows = re.findall(r"(?s)<tr><th.*?</tr>", page.partition("<tbody>")[2])
    texts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]
    assert texts == ["Tops TP Section B, Aisle 1 1 1", "Shirts – 2 3"]
    assert "not printed from here" in page
    assert "as they wait for a person: 1." in page
    assert "<button name=" not in page  # for who only looks
    assert len(page.encode()) < 100_000


def test_all_of_it_once_then_only_what_changed(desk: WebDesk) -> None:
    anna = clerk(desk)
    assert sheets(printed(desk, anna, "all")) == {
        "Tops TP: Section B, Aisle 1": ["60523 return-60523_<b>.png"],
        "Shirts": ["60521 return-60521_back.png, return-60521_front.png",
                   "60522 return-60522_front.png"],
        "In none of the lists: a person must look first":
            ["60524 return-60524_front.png Unsure between two categories."],
    }  # fmt: skip
    page = desk.get(_HERE, **anna).text
    assert "by anna" in page
    assert "Nothing has changed" in page
    desk.core.corrector.correct("return-60522_front.png", "Tops", "ben")
    desk.core.corrector.correct("return-60524_front.png", "Tshirts", "ben")
    desk.core.corrector.undo("return-60523_<b>.png", "ben")
    page = desk.get(_HERE, **anna).text
    assert "Print what changed since" in page
    assert "any more: 2" in page
    assert sheets(printed(desk, anna, "changed")) == {
        "Tops TP: Section B, Aisle 1": ["60522 return-60522_front.png"],
        "Tshirts": ["60524 return-60524_front.png"],
        "No longer where the list before says": [
            "60522 return-60522_front.png Shirts → Tops",
            "60523 return-60523_<b>.png Tops → put back into incoming",
        ],
    }
    assert "Nothing has changed" in desk.get(_HERE, **anna).text


def test_a_photo_that_people_took_away_and_one_that_came_back(desk: WebDesk) -> None:
    anna = clerk(desk)
    printed(desk, anna, "all")
    story = desk.core.store.history.stories("return-60522_front.png")[0]
    desk.core.store.removals.remove([story.id], desk.core.clock.now())
    assert sheets(printed(desk, anna, "changed")) == {
        "No longer where the list before says": [
            "60522 return-60522_front.png Shirts → taken away by a person"
        ]
    }
    desk.core.store.removals.give_back(story.id)
    assert sheets(printed(desk, anna, "changed")) == {"Shirts": ["60522 return-60522_front.png"]}


def test_whom_people_may_ask_is_printed_on_each_sheet(desk: WebDesk) -> None:
    anna = clerk(desk)
    assert "Questions?" not in printed(desk, anna, "all")
    contact = ContactSettings(name="IT <desk>", phone="+49 30 1")
    settings = desk.site.settings.model_copy(update={"contact": contact})
    object.__setattr__(desk.site, "settings", settings)
    page = printed(desk, anna, "all")
    assert len(sheets(page)) == 3
    on_sheet = '<span class="printed"> · Questions? IT &lt;desk&gt;, +49 30 1</span>'
    assert page.count(on_sheet) == 3


def test_a_sheet_stays_as_it_was_printed(desk: WebDesk) -> None:
    anna = clerk(desk)
    answer = press(desk, anna, f"{_HERE}/{run_of(desk)}", what="all")
    before = sheets(desk.get(answer.headers["location"].partition("#")[0]).text)
    desk.core.corrector.correct("return-60522_front.png", "Tops", "ben")
    after = sheets(desk.get(answer.headers["location"].partition("#")[0]).text)
    assert after == before
    now = sheets(desk.get(f"{_HERE}/{run_of(desk)}").text)
    assert "60522 return-60522_front.png" in now["Tops TP: Section B, Aisle 1"]


def test_what_did_not_come_out_does_not_count(desk: WebDesk) -> None:
    anna, run = clerk(desk), run_of(desk)
    printed(desk, anna, "all")
    desk.core.corrector.correct("return-60522_front.png", "Tops", "ben")
    changed = press(desk, anna, f"{_HERE}/{run}", what="changed").headers["location"]
    number = re.search(r"printed=(\d+)", changed)
    assert number is not None
    dropped = press(desk, anna, f"{_HERE}/{run}/{number[1]}/drop")
    assert dropped.status_code == 303
    assert press(desk, anna, f"{_HERE}/{run}/{number[1]}/drop").status_code == 409
    assert desk.get(changed.partition("#")[0]).status_code == 404
    assert "60522" in str(sheets(printed(desk, anna, "changed")))


def test_who_only_looks_prints_nothing_that_counts(desk: WebDesk) -> None:
    run = run_of(desk)
    assert desk.ask("POST", f"{_HERE}/{run}", data={"what": "all"}).status_code == 403
    assert desk.ask("POST", f"{_HERE}/{run}/1/drop").status_code == 403
    assert "not noted as printed" in desk.get(f"{_HERE}/{run}").text


def test_both_languages_say_it(desk: WebDesk) -> None:
    assert "noch nicht gedruckt" in desk.get(_HERE, **{"accept-language": "de"}).text
    german = desk.get(f"{_HERE}/{run_of(desk)}", **{"accept-language": "de"}).text
    assert "Erst muss jemand nachsehen" in german


@pytest.mark.parametrize("run", ["nothing", "%00", "..%2F..", "' OR 1=1"])
def test_what_is_no_run_is_not_found(desk: WebDesk, run: str) -> None:
    anna = clerk(desk)
    assert desk.get(f"{_HERE}?run={run}").status_code == 404
    assert desk.get(f"{_HERE}/{run}").status_code == 404
    assert press(desk, anna, f"{_HERE}/{run}", what="all").status_code == 404
    assert desk.get(f"{_HERE}/{run_of(desk)}?printed=99").status_code == 404
    assert press(desk, anna, f"{_HERE}/{run_of(desk)}", what="nothing").status_code in (400, 422)


def test_before_the_first_run_it_says_what_to_do(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        assert "Nothing was sorted yet" in desk.get(_HERE).text


def test_old_prints_go_and_those_of_a_run_are_bounded(tmp_path: Path) -> None:
    with closing(WebStore.open(tmp_path)) as store:
        now = 1000.0
        prints = Prints(store.connection, lambda: now)
        first = prints.note("a", "anna", None, {1: "Tops", 2: "Shirts"})
        kept = prints.get("a", first)
        assert kept is not None
        assert kept.lying == {1: "Tops", 2: "Shirts"}
        assert prints.get("b", first) is None
        for _ in range(20):
            prints.note("a", "anna", first, {})
        assert prints.get("a", first) is None
        now += KEPT_DAYS * 86400 + 1
        prints.sweep(0)
        assert prints.newest("a") is None


def test_who_printed_is_named_as_long_as_people_are(desk: WebDesk) -> None:
    settings, anna = desk.site.settings, clerk(desk)
    retention = settings.retention.model_copy(update={"people_days": 30.0})
    object.__setattr__(desk.site, "settings", settings.model_copy(update={"retention": retention}))
    where = press(desk, anna, f"{_HERE}/{run_of(desk)}", what="all").headers["location"]
    chores = _Chores(desk.site, None, Notifier(None))
    chores._sweep()
    assert "by anna." in desk.get(_HERE).text
    with desk.site.store.connection.writing() as db:
        db.execute("UPDATE prints SET at = at - 31 * 86400")
    chores._sweep()
    for text in (desk.get(_HERE).text, desk.get(where.partition("#")[0]).text):
        assert "by a person." in text
        assert "by anna." not in text
