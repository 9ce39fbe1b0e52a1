"""Learning through API and page: real lessons of a real daemon, on drawn photos."""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import ImageOps

from daemon.cli.samples import draw_item
from tests.support.axe import violations
from tests.support.chromium import Chromium
from tests.support.photos import draw_photo, photo_bytes
from tests.support.waiting import eventually
from tests.support.web import Page

COUNT = 24
UNLIMITED = "[api]\nreads_per_minute = 1000000\nat_once = 60\n"
_CANDIDATE = r"Admins say whether ([\d.-]+) judges"
ROLES = {"rita": "reader", "carl": "clerk", "lea": "lead", "ada": "admin"}


def draw(folder: Path) -> None:
    """Two kinds that are told apart with ease, and one of too few photos."""
    for label in ("Boxes", "Spectacles", "Rare"):
        (folder / label).mkdir(parents=True)
    for seed in range(COUNT):
        draw_photo(seed=seed).save(folder / f"Boxes/x{seed}x.jpg")
        inverted = ImageOps.invert(draw_photo(seed=COUNT + seed).convert("RGB"))
        inverted.save(folder / f"Spectacles/x{seed}y.jpg")
    draw_item("watch", random.Random(3), (240, 320)).save(folder / "Rare/r.jpg")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("learning")
    page = Page.make(folder / "site", settings=UNLIMITED)
    draw(folder / "labelled")
    added = page.site.nightsort("learn", "add", str(folder / "labelled"))
    assert added.returncode == 0, added.stderr
    for name, role in ROLES.items():
        page.add_user(name, role)
    with page.site.daemon(), page.serving():
        page.await_daemon()
        yield page


@pytest.fixture(scope="module")
def keys(page: Page) -> dict[str, str]:
    return {name: page.add_key(name, role) for name, role in ROLES.items()}


@pytest.fixture
def ada(page: Page, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with page.client(headers={"x-api-key": keys["ada"]}) as client:
        yield client


@pytest.fixture
def lea(page: Page, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with page.client(headers={"x-api-key": keys["lea"]}) as client:
        yield client


def over(client: httpx.Client, job: int) -> dict[str, Any]:
    """The job when it is over."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(f"/jobs/{job}").json()
        assert 0 <= found["progress"] <= 1
        return None if found["state"] in ("waiting", "running") else found

    found = eventually(look)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def version(page: Page, keys: dict[str, str]) -> str:
    """A version that was learnt through the API."""
    with page.client(headers={"x-api-key": keys["lea"]}) as lea:
        asked = lea.post("/retrain")
        assert asked.status_code == 202, asked.text
        assert asked.headers["location"] == f"/jobs/{asked.json()['job']}"
        done = over(lea, asked.json()["job"])
    assert (done["state"], done["asked_by"], done["why"]) == ("done", "lea", None)
    result = done["result"]
    assert result["new_labels"] == ["Boxes", "Spectacles"]
    assert result["examples"] == {"Boxes": COUNT, "Spectacles": COUNT}
    assert result["before"]["accuracy"] > 0
    assert result["left_out"]["too_few"]
    assert result["adopted"] is False
    found: str = result["version"]
    return found


# The API


def test_a_lesson_is_a_job_whose_version_is_listed_shown_adopted_and_taken_back(
    page: Page, ada: httpx.Client, version: str
) -> None:
    listed = ada.get("/models").json()
    assert listed["in_use"] == "shipped"
    assert {"version": "shipped", "problem": ""}.items() <= listed["versions"][0].items()
    assert version in [one["version"] for one in listed["versions"]]
    shown = ada.get(f"/models/{version}").json()
    assert shown["examples"] == {"Boxes": COUNT, "Spectacles": COUNT}
    assert ada.post(f"/models/{version}/adopt").json() == {"in_use": version}
    assert "Boxes" in ada.get("/classes").json()["classes"]
    assert ada.get("/models").json()["in_use"] == version
    assert ada.post("/models/back").json() == {"in_use": "shipped"}
    assert "Boxes" not in ada.get("/classes").json()["classes"]
    adopted = [one for one in page.site.events() if one["event"] == "version_adopted"]
    assert [(one["version"], one["person"]) for one in adopted][-2:] == [
        (version, "ada"), ("shipped", "ada"),
    ]  # fmt: skip


def test_a_job_says_what_the_command_says(page: Page, lea: httpx.Client, version: str) -> None:
    """The keys of `learn --json`, and of `models list --json`."""
    job = lea.get("/jobs/1").json()
    assert job["result"]["version"] == version
    printed = json.loads(page.site.nightsort("learn", "--json").stdout)
    assert set(job["result"]) == set(printed)
    # What a command has learnt is among them.
    found = (lea.get(f"/jobs/{number}").json() for number in range(2, 20))
    assert printed["version"] in [(one.get("result") or {}).get("version") for one in found]
    said = json.loads(page.site.nightsort("models", "list", "--json").stdout)
    assert lea.get("/models").json() == said


def zipped(*photos: tuple[str, bytes]) -> dict[str, tuple[str, bytes]]:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in photos:
            archive.writestr(name, content)
    return {"archive": ("more.zip", file.getvalue())}


def test_an_archive_is_brought_before_the_lesson_is_held(lea: httpx.Client, version: str) -> None:
    photo = photo_bytes(seed=77, size=(90, 120))
    more = zipped(("Kites/a.jpg", photo), ("Kites/notes.jpg", b"no photo"), ("_x/b.jpg", photo))
    asked = eventually(
        lambda: answer if (answer := lea.post("/retrain", files=more)).status_code != 409 else None
    )
    assert asked is not None
    assert asked.status_code == 202, asked.text
    assert asked.json()["examples"]["added"] == 1
    left_out = {one["filename"] for one in asked.json()["examples"]["refused"]}
    assert left_out == {"Kites/notes.jpg", "_x/b.jpg"}
    lea.delete(f"/jobs/{asked.json()['job']}")


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        (zipped(("notes.txt", b"text")), 422, "bad_archive"),
        ({"archive": ("a.zip", b"no archive")}, 422, "bad_archive"),
        ({"file": ("a.zip", b"PK")}, 400, "no_file"),
    ],
)
def test_an_archive_that_brings_nothing_asks_for_no_lesson(
    lea: httpx.Client, files: dict[str, Any], status: int, code: str
) -> None:
    def refused() -> httpx.Response | None:
        answer = lea.post("/retrain", files=files)
        return None if answer.status_code == 409 else answer  # another test's lesson is not over

    answer = eventually(refused)
    assert answer is not None
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert lea.post("/retrain", json={}).json()["code"] == "wrong_type"


def test_a_lesson_that_is_not_over_keeps_others_away_and_can_be_cancelled(
    page: Page, lea: httpx.Client, version: str
) -> None:
    job = lea.post("/retrain").json()["job"]
    second = lea.post("/retrain")
    if second.status_code == 202:  # the first was over already, on a fast machine
        job = second.json()["job"]
    else:
        told = second.json()
        assert (second.status_code, told["code"], told["job"]) == (409, "under_way", job)
    cancelled = lea.delete(f"/jobs/{job}")
    if cancelled.status_code == 200:
        assert (cancelled.json()["state"], cancelled.json()["why"]) == (
            "failed",
            "lea cancelled it",
        )
    late = lea.delete(f"/jobs/{job}")
    assert (late.status_code, late.json()["code"]) == (409, "over")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/retrain?without=Hats", 422, "unknown_category"),
        ("POST", "/retrain?merge=Tops&into=Hats", 422, "unknown_category"),
        ("POST", "/retrain?merge=Tops", 400, "malformed"),
        ("POST", "/retrain?only=perhaps", 400, "malformed"),
        ("GET", "/jobs/4711", 404, "not_found"),
        ("DELETE", "/jobs/4711", 404, "not_found"),
        ("GET", "/jobs/x", 400, "malformed"),
        ("GET", "/models/nothing", 404, "not_found"),
        ("GET", "/models/..%2F..%2Fetc", 404, "not_found"),
        ("POST", "/models/nothing/adopt", 404, "not_found"),
        ("POST", "/models/%2e%2e/adopt", 404, "not_found"),
    ],
)
def test_what_cannot_be_is_refused(
    ada: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    answer = ada.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert ada.get("/models").json()["in_use"] == "shipped"


def test_each_role_does_its_part_only(page: Page, keys: dict[str, str]) -> None:
    allowed = {
        ("POST", "/retrain?without=Hats"): "lead",
        ("GET", "/jobs/4711"): "lead",
        ("DELETE", "/jobs/4711"): "lead",
        ("POST", "/models/nothing/adopt"): "admin",
        ("GET", "/models"): "reader",
    }
    order = ["reader", "clerk", "lead", "admin"]
    for name, role in ROLES.items():
        with page.client(headers={"x-api-key": keys[name]}) as client:
            for (method, path), needed in allowed.items():
                code = client.request(method, path).json().get("code")
                may = order.index(role) >= order.index(needed)
                assert (code == "role_too_weak") is not may, (name, path)


def test_a_damaged_version_is_refused_and_what_judged_goes_on(
    page: Page, ada: httpx.Client, version: str
) -> None:
    file = page.site.state / "models" / f"{version}.npz"
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-100])
        answer = ada.post(f"/models/{version}/adopt")
        assert (answer.status_code, answer.json()["code"]) == (409, "untrusted")
        assert str(page.site.state) not in answer.text
        assert ada.get(f"/models/{version}").json()["code"] == "untrusted"
        listed = ada.get("/models").json()
        assert listed["in_use"] == "shipped"
        (found,) = (one for one in listed["versions"] if one["version"] == version)
        assert found["problem"]
        assert ada.get("/health").json()["problems"] == []
    finally:
        file.write_bytes(content)


def test_there_is_nothing_to_go_back_to_where_none_was_adopted(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "site")
    with page.site.daemon(), page.serving():
        key = page.add_key("ada", "admin")
        with page.client(headers={"x-api-key": key}) as ada:
            page.await_daemon()
            answer = ada.post("/models/back")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            # Nothing was said yet: that is refused, which is no failure.
            job = ada.post("/retrain").json()["job"]
            eventually(lambda: ada.get(f"/jobs/{job}").json()["state"] == "refused", every_s=1.5)


def test_a_restart_of_the_page_keeps_a_job_and_without_the_daemon_nothing_is_asked_for(
    tmp_path: Path,
) -> None:
    page = Page.make(tmp_path / "site", settings=UNLIMITED)
    with page.site.daemon():
        with page.serving():
            key = page.add_key("lea", "lead")
            with page.client(headers={"x-api-key": key}) as lea:
                page.await_daemon()
                job = over(lea, lea.post("/retrain").json()["job"])
        with page.serving(), page.client(headers={"x-api-key": key}) as lea:
            assert lea.get(f"/jobs/{job['job']}").json() == job
    with page.serving(), page.client(headers={"x-api-key": key}) as lea:
        answer = lea.post("/retrain")
        assert (answer.status_code, answer.json()["code"]) == (503, "daemon_down")
        assert int(answer.headers["retry-after"]) >= 1
        assert lea.get(f"/jobs/{job['job']}").json() == job
        assert lea.delete(f"/jobs/{job['job']}").status_code == 503


# The page


def form(text: str, action: str, button: str = "") -> dict[str, str]:
    """The hidden fields of the form that goes there, with that text on its button."""
    found = re.findall(rf'action="{re.escape(action)}"[^>]*>(.*?)</form>', text, re.DOTALL)
    (inner,) = [one for one in found if button in one][:1]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', inner))


def test_a_lead_has_a_lesson_held_by_a_form_and_an_admin_adopts_it(
    page: Page, version: str
) -> None:
    with page.signed_in("lea") as lea:
        shown = lea.get("/page/learning").text
        assert "Learn now" in shown
        assert "Judge with" not in shown.replace("Judge with it", "")  # that is for admins
        asked = lea.post("/page/learning", data=form(shown, "/page/learning", "Learn now"))
        assert asked.status_code == 303, asked.text
        said = lea.get(asked.headers["location"]).text
        assert "A lesson was asked for." in said
        eventually(lambda: lea.get("/page/learning/now").status_code == 204)
        after = lea.get("/page/learning").text
        names = re.findall(_CANDIDATE, after)
        assert len(names) == 1
    with page.signed_in("ada") as ada:
        shown = ada.get("/page/learning").text
        fields = form(shown, "/page/learning/adopt", f"Judge with {names[0]}")
        assert fields["version"] == names[0]
        adopted = ada.post("/page/learning/adopt", data=fields)
        assert adopted.status_code == 303, adopted.text
        after = ada.get(adopted.headers["location"]).text
        assert "This version judges from now on." in after
        assert "Judge with the version before again (as it came with nightsort)" in after
        back = ada.post("/page/learning/back", data=form(after, "/page/learning/back"))
        assert "The version before judges again." in ada.get(back.headers["location"]).text


def test_the_comparison_the_examples_and_the_versions_are_shown_to_everybody(
    page: Page, version: str
) -> None:
    with page.signed_in("rita") as rita:
        shown = rita.get("/page/learning").text
        for words in ("Before and after", "with 95 % confidence", "Boxes", version, "in use"):
            assert words in shown
        assert "new: 20 examples are needed" in shown  # of Rare there is one
        assert "new: learnt by the newest version" in shown
        assert "<button" not in shown.partition("<main")[2]
        lessons = re.findall(r'href="(/page/learning/\d+)"', shown)
        assert rita.get(lessons[-1]).status_code == 200
        german = rita.get("/page/learning", headers={"accept-language": "de"}).text
        assert "Vorher und nachher" in german
        assert rita.get("/page/learning/4711").status_code == 404


def test_a_category_is_taken_out_or_put_with_another_on_the_page_and_that_is_told(
    page: Page, lea: httpx.Client, version: str
) -> None:
    with page.signed_in("lea") as lead:
        shown = lead.get("/page/learning").text
        fields = form(shown, "/page/learning", "Put together")
        wrong = lead.post("/page/learning", data=fields | {"merge": "Tops", "into": "Tops"})
        assert wrong.status_code == 400
        unknown = lead.post("/page/learning", data=fields | {"without": "Hats"})
        assert (unknown.status_code, "no such category" in unknown.text) == (422, True)
        asked = lead.post("/page/learning", data=fields | {"merge": "Tops", "into": "Tshirts"})
        assert asked.status_code == 303, asked.text
        eventually(lambda: lead.get("/page/learning/now").status_code == 204)
    newest = lea.get("/models").json()["versions"][-1]
    assert "Tops" not in newest["categories"]
    assert lea.get("/models").json()["in_use"] == "shipped"


def test_in_a_browser_what_came_of_a_lesson_is_shown_by_itself(
    page: Page, version: str, browser: Chromium
) -> None:
    with page.signed_in("lea") as lea:
        before = re.findall(_CANDIDATE, lea.get("/page/learning").text)
        for width, dark in ((1280, False), (390, True)):
            tab = browser.tab(width, 900, dark=dark)
            tab.carry(lea)
            for path in ("/page/learning/1", "/page/learning"):
                tab.open(f"{page.url}{path}")
                tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                assert violations(tab) == []
                assert tab.too_wide_px <= 0
        tab.evaluate("document.querySelector('main form button').click()")

        def candidate() -> list[str]:
            text = tab.evaluate("document.querySelector('main')?.innerText ?? ''")
            found = re.findall(_CANDIDATE, text)
            return found if found != before else []

        assert eventually(candidate)
        assert tab.too_wide_px <= 0
        assert tab.complaints == []


@pytest.mark.parametrize(
    ("name", "path", "fields"),
    [
        ("carl", "/page/learning", {}),
        ("carl", "/page/learning/1/cancel", {}),
        ("lea", "/page/learning/adopt", {"version": "shipped"}),
        ("lea", "/page/learning/back", {}),
    ],
)
def test_who_may_not_is_refused_on_the_page_too(
    page: Page, name: str, path: str, fields: dict[str, str]
) -> None:
    with page.signed_in(name) as client:
        token = form(client.get("/page/learning").text.partition("<main")[0], "/logout")
        assert client.post(path, data={**token, **fields}).status_code == 403
