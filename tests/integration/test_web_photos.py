"""What page and API show of photos: the queue, one photo, its picture; and when they cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from daemon.corrections.decisions import Decisions
from daemon.domain.corrections import Via
from daemon.domain.orders import Decision, Speaker
from daemon.folders.adoption import MARKER
from tests.support.core import tiny_photo
from tests.support.web_core import WebDesk, reviewed
from web.pictures import Pictures
from web.problems import Problem
from web.reading.painters import Painters
from web.reading.photos import photo

ANNA = Speaker("anna", Via.PAGE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[WebDesk]:
    """Three photos in review, one filed."""
    with reviewed(tmp_path) as desk:
        for number in (1, 2, 3):
            desk.core.drop(f"ret 6052{number}.png", tiny_photo("review", number))
        desk.core.drop("sure.png", tiny_photo("Shirts", 9))
        desk.core.drain()
        yield desk


# The queue


def test_what_waits_is_told_oldest_first_a_page_at_a_time(desk: WebDesk) -> None:
    first = desk.get("/reviews?limit=2").json()
    assert (first["total"], [one["filename"] for one in first["photos"]]) == (
        3,
        ["ret 60521.png", "ret 60522.png"],
    )
    assert first["next"] == first["photos"][-1]["id"]
    rest = desk.get(f"/reviews?after={first['next']}&limit=2").json()
    assert ([one["filename"] for one in rest["photos"]], rest["next"]) == (["ret 60523.png"], None)
    assert set(first["photos"][0]) == {
        "id", "filename", "return_id", "category", "confidence", "reason", "reason_text",
        "alternatives", "run", "since",
    }  # fmt: skip
    assert (first["photos"][0]["category"], first["photos"][0]["confidence"]) == ("Tops", 0.4123)
    assert first["photos"][0]["return_id"] == "60521"


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "after=-1"])
def test_a_page_of_the_queue_is_bounded(desk: WebDesk, query: str) -> None:
    answer = desk.get(f"/reviews?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_without_a_history_it_says_so_and_when_to_come_again(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        desk.core.store.close()
        for file in desk.core.state.glob("nightsort.db*"):
            file.unlink()
        answer = desk.get("/reviews")
        assert (answer.status_code, answer.json()["code"]) == (503, "no_history")
        assert int(answer.headers["retry-after"]) >= 1
        assert "no history yet" in answer.json()["detail"]
        assert str(tmp_path) not in answer.text  # where it lies is not for whoever asks


def test_what_is_wrong_with_the_history_is_said_without_its_place(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        desk.core.store.close()
        for file in desk.core.state.glob("nightsort.db*"):
            file.write_bytes(b"no database" * 1000)
        answer = desk.get("/reviews")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert str(tmp_path) not in answer.text


# One photo


def test_all_about_a_photo_with_what_was_said_of_it(desk: WebDesk) -> None:
    number = desk.get("/reviews").json()["photos"][0]["id"]
    before = desk.get(f"/photos/{number}").json()
    assert (before["state"], before["said"], before["words"]) == ("review", 0, [])
    core = desk.core
    Decisions(core.store, core.corrector, core.clock).decide(
        number, Decision.CATEGORY, "Tshirts", ANNA
    )
    after = desk.get(f"/photos/{number}").json()
    assert (after["state"], after["category"], after["category_now"]) == (
        "filed", "Tops", "Tshirts",
    )  # fmt: skip
    (word,) = after["words"]
    assert (word["person"], word["via"], word["word"]) == ("anna", "page", "corrected")
    assert after["said"] == word["number"]
    assert after["path_now"] == "Tshirts/ret 60521.png"


@pytest.mark.parametrize("number", ["0", "4711", "x", "9" * 30, "%2e%2e%2fetc"])
def test_a_photo_that_is_none_is_answered_as_such(desk: WebDesk, number: str) -> None:
    for path in (f"/photos/{number}", f"/photos/{number}/image"):
        assert desk.get(path).status_code in (400, 404)


# Its picture


def test_a_picture_is_made_anew_and_never_a_stored_files_own_bytes(desk: WebDesk) -> None:
    answer = desk.get("/photos/1/image?side=64")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["x-content-type-options"] == "nosniff"
    picture = Image.open(BytesIO(answer.content))
    assert (picture.format, picture.size) == ("JPEG", (8, 8))  # never larger than the photo
    assert "number" not in picture.info


def test_a_picture_is_turned_upright_and_has_the_side_that_was_asked_for(desk: WebDesk) -> None:
    lying, file = Image.new("RGB", (400, 300), (20, 20, 20)), BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    exif[0x013B] = "Anna Kellner"
    lying.paste((250, 250, 250), (0, 0, 40, 300))  # its left edge is to be the upper one
    lying.save(file, "JPEG", exif=exif)
    desk.core.drop("lying.jpg", file.getvalue())
    desk.core.drain()
    (story,) = desk.core.store.history.stories("lying.jpg")
    answer = desk.get(f"/photos/{story.id}/image?side=200").content
    picture = Image.open(BytesIO(answer))
    assert picture.size == (150, 200)
    assert picture.getpixel((75, 5))[0] > 200  # type: ignore[index]
    assert picture.getpixel((75, 100))[0] < 60  # type: ignore[index]
    assert not picture.getexif()
    assert b"Anna" in file.getvalue()
    assert b"Anna" not in answer


@pytest.mark.parametrize("side", ["63", "1601", "-1", "1e3", "x"])
def test_the_side_is_bounded(desk: WebDesk, side: str) -> None:
    assert desk.get(f"/photos/1/image?side={side}").status_code == 400


def test_a_picture_is_kept_and_a_browser_is_told_that_it_has_it(desk: WebDesk) -> None:
    first = desk.get("/photos/1/image")
    (kept,) = (desk.core.state / "web" / "pictures").glob("??/*.jpg")
    assert kept.read_bytes() == first.content
    assert kept.stat().st_mode & 0o027 == 0
    again = desk.get("/photos/1/image", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    (desk.core.sorted / desk.get("/photos/1").json()["path_now"]).unlink()
    assert desk.get("/photos/1/image").content == first.content


def test_another_file_in_the_photos_place_is_not_kept_as_its_picture(desk: WebDesk) -> None:
    place = desk.core.sorted / desk.get("/photos/1").json()["path_now"]
    place.write_bytes(tiny_photo("Shirts", 77))
    answer = desk.get("/photos/1/image")
    assert (answer.status_code, "etag" in answer.headers) == (200, False)
    assert answer.headers["cache-control"] == "no-store"
    assert list((desk.core.state / "web" / "pictures").glob("??/*.jpg")) == []


def test_what_is_no_picture_any_more_or_was_moved_is_told(desk: WebDesk) -> None:
    place = desk.core.sorted / desk.get("/photos/1").json()["path_now"]
    place.write_bytes(b"<script>alert(1)</script>")
    answer = desk.get("/photos/1/image")
    assert (answer.status_code, answer.json()["code"]) == (404, "unreadable")
    place.unlink()
    assert desk.get("/photos/1/image").json()["code"] == "gone"
    place.symlink_to("/etc/passwd")
    assert desk.get("/photos/1/image").status_code == 404


def test_a_share_that_is_away_is_told_and_not_taken_for_a_photo_that_was_moved(
    desk: WebDesk,
) -> None:
    away = desk.core.sorted.rename(desk.core.sorted.with_name("away"))
    answers = [desk.get("/photos/1/image")]
    desk.core.sorted.mkdir()  # the folder on which it was mounted
    answers.append(desk.get("/photos/1/image"))
    assert not (desk.core.sorted / MARKER).exists()
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "retry-after" in answer.headers
    desk.core.sorted.rmdir()
    away.rename(desk.core.sorted)
    assert desk.get("/photos/1/image").status_code == 200


def test_a_share_that_hangs_hangs_nobody(desk: WebDesk) -> None:
    pictures = Pictures(desk.site.settings, Painters(picture_seconds=0.0))
    with pytest.raises(Problem) as refused:
        pictures.of(photo(desk.core.state, 1), 64)
    assert (refused.value.status_code, refused.value.code) == (503, "share_hangs")
    pictures.close()


def test_a_helper_that_dies_is_replaced(desk: WebDesk) -> None:
    painters = Painters()
    pictures = Pictures(desk.site.settings, painters)
    assert pictures.of(photo(desk.core.state, 1), 64).jpeg
    (helper,) = painters._free
    os.kill(helper.process.pid, 9)
    helper.process.wait()
    with pytest.raises(Problem) as refused:
        pictures.of(photo(desk.core.state, 2), 64)
    assert refused.value.status_code == 404
    assert pictures.of(photo(desk.core.state, 2), 64).jpeg
    pictures.close()
