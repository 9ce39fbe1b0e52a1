"""Small pictures kept from the decoding that classified: reports decode no large photo again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from classifier.pixels import Picture, decode
from classifier.verdict import Band, Verdict
from config.settings import RetentionSettings
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.maintenance.retention import Retention
from daemon.reporting.kept_pictures import KEPT_SIDE, KeptPictures
from daemon.reporting.reporter import Reporter, ReportPolicy
from daemon.reporting.thumbnails import Thumbnails
from tests.support.classifiers import ScriptedClassifier, verdict
from tests.support.core import Core, running, tiny_photo
from tests.support.photos import photo_bytes
from web.reading.painter import paint

LIMITS = Limits(10_000_000, 20.0)
LARGE = (700, 800)  # what is worth a picture


def unsure(_: object) -> Verdict:
    return verdict("Tops", 0.41, Band.REVIEW)


@pytest.fixture(autouse=True)
def as_the_model_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedClassifier, "input_size", (224, 224))


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    with running(Core(tmp_path, inline=True, think=unsure)) as core:
        yield core


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How large each file was that a report decoded."""
    sizes: list[int] = []

    def watched(data: bytes, **how: Any) -> Picture:
        sizes.append(len(data))
        return decode(data, **how)

    monkeypatch.setattr("daemon.reporting.thumbnails.decode", watched)
    return sizes


def page(core: Core) -> str:
    (summary, *_) = core.store.runs.summaries()
    made = Thumbnails(Tree(core.sorted), LIMITS, 1, kept=KeptPictures(core.state))
    policy = ReportPolicy(None, list, LIMITS)
    reporter = Reporter(core.store, Tree(core.sorted), Tree(core.results), made, policy)
    return reporter.write(summary, is_newest=True)[0].read_text("utf-8")


def kept_files(core: Core) -> list[Path]:
    return sorted((core.state / "pictures").glob("??/*"))


def test_a_report_decodes_no_large_photo_again(core: Core, decoded: list[int]) -> None:
    for number in range(3):
        core.drop(f"{number}.jpg", photo_bytes(seed=number, size=LARGE))
    core.drain()
    assert len(kept_files(core)) == 3
    assert page(core).count("data:image/jpeg") == 3
    assert decoded == []


def test_a_picture_is_upright_and_in_the_photos_proportions(core: Core) -> None:
    """Turned by its EXIF: what lies on its side in the file."""
    data = photo_bytes(seed=1, size=(1200, 600), exif=turned(6))
    core.drop("lying.jpg", data)
    core.drain()
    jpeg = KeptPictures(core.state).get(hashlib.sha256(data).hexdigest(), KEPT_SIDE)
    assert jpeg is not None
    width, height = Image.open(BytesIO(jpeg)).size
    assert (width, height) == (180, 360)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def test_a_photo_that_was_changed_on_the_share_is_decoded_anew(
    core: Core, decoded: list[int]
) -> None:
    core.drop("turned.jpg", photo_bytes(seed=1, size=LARGE))
    core.drain()
    (place,) = core.sorted.rglob("turned.jpg")
    edited = photo_bytes(seed=2)
    place.write_bytes(edited)
    os.utime(place, (1, 1))
    assert page(core).count("data:image/jpeg") == 1
    assert decoded == [len(edited)]


def test_what_was_taken_away_is_not_shown(core: Core) -> None:
    core.drop("gone.jpg", photo_bytes(seed=1, size=LARGE))
    core.drain()
    next(core.sorted.rglob("gone.jpg")).unlink()
    assert page(core).count("data:image/jpeg") == 0


def test_what_is_left_of_a_damaged_photo_is_kept_too(core: Core) -> None:
    whole = photo_bytes(seed=3)
    middle = len(whole) // 2
    core.drop("damaged.jpg", whole[:middle] + b"\xff\xc4\x00\x03\xff" * 99 + whole[-middle:])
    assert core.drain()["failed"] == 1
    assert len(kept_files(core)) == 1
    assert "what can be seen of damaged.jpg" in page(core)


def test_spot_checks_are_among_the_pictures_that_were_kept(
    tmp_path: Path, decoded: list[int]
) -> None:
    """Those whose hashes come first are shown, and those are kept."""
    with running(Core(tmp_path, inline=True, think=lambda _: verdict("Shirts", 0.97))) as core:
        for number in range(60):
            core.drop(
                f"{number}.jpg", photo_bytes(seed=number % 4, size=LARGE, quality=40 + number)
            )
        core.drain()
        assert 0 < len(kept_files(core)) < 20
        assert page(core).count("data:image/jpeg") == 3
    assert decoded == []


def test_small_photos_are_not_worth_a_picture(core: Core) -> None:
    core.drop("tiny.png", tiny_photo("review"))
    core.drop("small.jpg", photo_bytes(seed=1))
    core.drain()
    assert kept_files(core) == []


def test_a_picture_goes_with_its_photo(tmp_path: Path) -> None:
    with running(Core(tmp_path, inline=True, think=unsure)) as core:
        core.drop("odd.jpg", photo_bytes(seed=1, size=LARGE))
        core.drain()
        core.corrector.correct("odd.jpg", "Tops", "alice")
        assert len(kept_files(core)) == 1
        core.clock.advance(90 * 86_400)
        trees = Tree(core.sorted), Tree(core.results)
        rules = RetentionSettings(filed_days=30)
        retention = Retention(core.store, *trees, rules, core.clock, core.pictures.forget)
        for _ in range(20):
            retention.step()
        assert not any(core.sorted.rglob("odd.jpg"))
        assert kept_files(core) == []


def test_those_not_looked_at_for_longest_go(tmp_path: Path) -> None:
    names = [f"{number:02x}" * 32 for number in range(4)]
    jpeg = photo_bytes(seed=1)
    for number, sha256 in enumerate(names[:3]):
        pictures = KeptPictures(tmp_path, most_bytes=int(3.5 * len(jpeg)))
        pictures._folder.put(sha256, jpeg)
        os.utime(pictures._folder._file(sha256), (number, number))
    assert pictures.get(names[0], KEPT_SIDE) == jpeg  # and is the youngest by that
    pictures._folder.put(names[3], jpeg)
    assert [pictures.get(sha256, KEPT_SIDE) is not None for sha256 in names] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_picture_that_a_power_cut_left_half_is_none(tmp_path: Path) -> None:
    pictures, sha256 = KeptPictures(tmp_path), "ab" * 32
    for left in (b"", photo_bytes(seed=1)[:-9]):
        pictures._folder.put(sha256, left)
        assert pictures.get(sha256, KEPT_SIDE) is None


def test_a_disk_that_refuses_costs_nothing_but_time(core: Core) -> None:
    (core.state / "pictures").write_text("no folder", encoding="ascii")
    core.drop("odd.jpg", photo_bytes(seed=1))
    assert core.drain()["review"] == 1
    assert page(core).count("data:image/jpeg") == 1


def test_the_page_shows_what_was_kept_and_no_other_photo_in_its_place(core: Core) -> None:
    core.drop("odd.jpg", photo_bytes(seed=1, size=(900, 675)))
    core.drain()
    (file,) = core.sorted.rglob("odd.jpg")
    (story,) = core.store.history.stories("odd.jpg")
    (kept,) = kept_files(core)
    request = {
        "root": str(core.sorted), "place": story.place, "sha256": story.sha256,
        "size_bytes": story.fingerprint.size_bytes, "mtime_ns": story.fingerprint.mtime_ns,
        "state": str(core.state), "max_bytes": 10**7, "max_megapixels": 20.0,
    }  # fmt: skip
    assert paint({**request, "side": 360}) == ({"sha256": story.sha256}, kept.read_bytes())
    assert max(Image.open(BytesIO(paint({**request, "side": 720})[1])).size) == 720
    other = photo_bytes(seed=2)
    file.write_bytes(other)
    said, jpeg = paint({**request, "side": 360})
    assert said == {"sha256": hashlib.sha256(other).hexdigest()}
    assert jpeg != kept.read_bytes()
