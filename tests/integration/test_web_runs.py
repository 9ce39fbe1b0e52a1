"""The runs on the page: the list, one of them, and its photos."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from html import unescape
from io import StringIO
from pathlib import Path

import pytest

from tests.support.core import tiny_photo
from tests.support.web_core import WebDesk, reviewed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """Two runs, the second with a photo that waits, a twin and one that is broken."""
    with reviewed(tmp_path) as desk:
        desk.core.drop("return-60521.png", tiny_photo("Shirts", 1))
        desk.core.drain()
        desk.core.drop("twin.png", tiny_photo("Shirts", 1))
        desk.core.drop("return-60522.png", tiny_photo("Tops", 2))
        desk.core.drop("return-60523.png", tiny_photo("review", 3))
        desk.core.drop("broken <b>.jpg", b"no photo at all")
        desk.core.drain()
        yield desk


def names(page: str) -> set[str]:
    """The photos on a page of Look up."""
    return {unescape(one) for one in re.findall(r"<h2>([^<]*\.(?:png|jpg))</h2>", page)}


def test_the_runs_newest_first_and_as_a_file(desk: WebDesk) -> None:
    newest, first = desk.core.store.runs.summaries()
    page = desk.get("/page/runs").text
    assert re.findall(r'href="/page/runs/([^"]+)"', page) == [newest["run"], first["run"]]
    text = desk.get("/page/runs.csv").content.decode("utf-8-sig")
    rows = [*csv.DictReader(StringIO(text, newline=""))]
    assert [(row["run"], row["photos"], row["to_retake"]) for row in rows] == [
        (newest["run"], "4", "1"), (first["run"], "1", "0"),
    ]  # fmt: skip
    older = desk.get(f"/page/runs?after={newest['run']}").text
    assert re.findall(r'href="/page/runs/([^"]+)"', older) == [first["run"]]
    assert "There are no older ones" in desk.get(f"/page/runs?after={first['run']}").text


def test_each_figure_of_a_run_leads_to_its_photos(desk: WebDesk) -> None:
    run = desk.core.store.runs.summaries(limit=1)[0]["run"]
    page = desk.get(f"/page/runs/{run}").text
    assert "broken &lt;b&gt;.jpg" in page
    links = {unescape(one) for one in re.findall(r'href="(/find\?run=[^"]+)"', page)}
    found = {link.partition(run)[2]: names(desk.get(link).text) for link in links}
    assert found == {
        "": {"twin.png", "return-60522.png", "return-60523.png", "broken <b>.jpg"},
        "&state=quarantined": {"broken <b>.jpg"},
        "&state=duplicate": {"twin.png"},
        "&state=review": {"return-60523.png"},
        "&category=Tops": {"return-60522.png", "return-60523.png"},
    }
    narrowed = desk.get(f"/find?run={run}&state=duplicate").text
    assert f'<input type="hidden" name="run" value="{run}">' in narrowed


def test_why_a_photo_was_not_read_is_said_in_the_language_of_the_page(desk: WebDesk) -> None:
    run = desk.core.store.runs.summaries()[0]["run"]
    assert "not a photo, the content looks like text" in desk.get(f"/page/runs/{run}").text
    german = desk.get(f"/page/runs/{run}", **{"accept-language": "de"}).text
    assert "Das ist kein Foto; der Inhalt sieht nach etwas anderem aus" in german
    assert "not a photo" not in german


def test_spot_checks_of_a_run_are_named_with_what_was_said_of_them(desk: WebDesk) -> None:
    newest, first = (one["run"] for one in desk.core.store.runs.summaries())
    assert "Spot checks" not in desk.get(f"/page/runs/{newest}").text
    for run in (newest, first):
        desk.core.store.spot_checks.choose(run, 1.0, 250)
    (photo,) = desk.core.store.spot_checks.of_run(newest)
    page = desk.get(f"/page/runs/{newest}").text
    assert "0 of 1 are answered" in page
    assert f'<a href="/review?photo={photo}">return-60522.png</a> Tops' in page
    desk.core.corrector.correct("return-60522.png", "Tops", "anna")
    assert "1 of 1 are answered" in desk.get(f"/page/runs/{newest}").text


def test_a_run_of_an_older_nightsort_has_dashes_where_it_did_not_say(desk: WebDesk) -> None:
    (newest,) = desk.core.store.runs.summaries(limit=1)
    old = {key: value for key, value in newest.items() if key != "images_per_second"}
    desk.core.store._db.execute(
        "UPDATE runs SET summary = ? WHERE id = ?", (json.dumps(old), newest["run"])
    )
    assert '<td class="n">–</td>' in desk.get("/page/runs").text


@pytest.mark.parametrize("run", ["nothing", "%00", "..%2F..", "' OR 1=1"])
def test_what_is_no_run_is_not_found(desk: WebDesk, run: str) -> None:
    assert desk.get(f"/page/runs/{run}").status_code == 404
    assert desk.get(f"/page/runs?after={run}").status_code == 404
    assert names(desk.get(f"/find?run={run}").text) == set()


def test_before_the_first_run_it_says_what_to_do(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        assert "Nothing was sorted yet" in desk.get("/page/runs").text
        desk.core.store.close()
        for file in desk.core.state.glob("nightsort.db*"):
            file.unlink()
        assert "Nothing was sorted yet" in desk.get("/page/runs").text
