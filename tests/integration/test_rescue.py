"""A lost box is made again of its bucket, of which no more is believed than can be checked."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from config.errors import RefusedError
from config.settings import Settings
from daemon.folders.forgotten import FILE, Forgotten, content_mark
from daemon.maintenance.backups import Backups
from daemon.maintenance.restore import restore
from daemon.mirror.bucket.client import BucketFailed, connect
from daemon.mirror.bucket.fetching import Fate
from daemon.mirror.bucket.rescue import bring_files, bring_memory
from daemon.service.app import build, build_orders
from daemon.service.state import adopted
from daemon.sorting.version_copies import copy_versions
from daemon.sorting.versions import Versions
from daemon.store import DATABASE, Store
from daemon.store.facts import PRESENCE, UNFETCHED
from tests.support.bucket_shop import copy
from tests.support.core import tiny_photo
from tests.support.s3 import Storage
from tests.support.shop import Shop

DAY = "2025-10-13"
PLACE = "Shirts/return-60001_front.png"
# What lies in folders now was there before.
SOON = datetime.now(UTC) + timedelta(hours=12)


@pytest.fixture
def lost(tmp_path: Path, s3: Storage, bucket: str) -> Iterator[Shop]:
    """A box after a night, whose files are in the bucket."""
    shop = Shop(tmp_path / "lost")
    shop.night("return-60001_front.png", "return-60002_front.png", first=1)
    shop.back_up()
    copy(shop, s3.settings(bucket, photos=True))
    yield shop
    shop.stop()


def new_box(tmp_path: Path, mirror: dict[str, object]) -> Settings:
    """A machine with empty folders."""
    folders = {f"{name}_dir": tmp_path / "new" / name for name in ("incoming", "sorted", "results")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    state = tmp_path / "new" / "state"
    state.mkdir()
    return Settings.model_validate({**folders, "state_dir": state, "mirror": mirror})


def rescue(settings: Settings, lost: Shop, now: datetime | None = None) -> Counter[Fate]:
    bring_memory(settings, connect(settings.mirror), now or lost.clock.now())
    return bring(settings)


def bring(settings: Settings) -> Counter[Fate]:
    with closing(Store(settings.state_dir)) as store:
        return bring_files(settings, connect(settings.mirror), store)


def photos(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_database_results_and_photos_come_back_as_they_were(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    fates = rescue(settings, lost)
    assert {*fates} == {Fate.BROUGHT}
    assert photos(settings.sorted_dir) == photos(lost.sorted)
    there = photos(settings.results_dir)
    assert there == {
        name: text for name, text in photos(lost.results).items() if "latest" not in name
    }
    with closing(Store(settings.state_dir)) as store:
        assert store.traces.meant("60001").is_exact
    for path in settings.results_dir.iterdir():  # what is old stays old
        assert path.stat().st_mtime_ns == (lost.results / path.name).stat().st_mtime_ns


def test_what_is_there_is_never_written_over(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    mine = settings.sorted_dir / PLACE
    mine.parent.mkdir()
    mine.write_bytes(b"another photo")
    fates = rescue(settings, lost)
    assert (fates[Fate.KEPT], fates[Fate.DAMAGED]) == (1, 0)
    assert mine.read_bytes() == b"another photo"


def test_what_was_interrupted_goes_on_without_another_backup(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    with s3.gate() as gate:
        settings = new_box(tmp_path, s3.settings(bucket, photos=True, endpoint=gate.address))
        bring_memory(settings, connect(settings.mirror), lost.clock.now())
        gate.trouble = "503 Slow Down"
        with pytest.raises(BucketFailed):
            bring(settings)
        gate.trouble = ""
        assert bring_memory(settings, connect(settings.mirror), lost.clock.now()) is None
        bring(settings)
        assert {*bring(settings)} == {Fate.THERE}
    assert photos(settings.sorted_dir) == photos(lost.sorted)
    assert not list(settings.state_dir.glob(f"{DATABASE}.set-aside-*"))


@pytest.mark.parametrize(
    "key", ["", f"{DAY}/", f"{DAY}/Shirts/", f"{DAY}//x.png", "results/../x", f"{DAY}/a\x01.png"]
)
def test_keys_that_others_made_stop_nothing(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str, key: str
) -> None:
    lost.clock.advance(60)
    made = lost.back_up()  # knows what was copied
    copy(lost, s3.settings(bucket, photos=True))
    s3.put_as_others(bucket, f"berlin/{key}")
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    rescue(settings, lost)
    assert (settings.state_dir / "backups" / made.name).exists()
    assert photos(settings.sorted_dir) == photos(lost.sorted)
    assert any(name.startswith("batch_results_") for name in photos(settings.results_dir))


@pytest.mark.parametrize("onto", ["sorted/Sale/mine.png", "incoming/again.png"])
def test_a_photo_that_survived_and_was_moved_on_comes_back_no_second_time(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str, onto: str
) -> None:
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    moved = tmp_path / "new" / onto
    moved.parent.mkdir(exist_ok=True)
    moved.write_bytes((lost.sorted / PLACE).read_bytes())
    fates = rescue(settings, lost, SOON)
    assert fates[Fate.THERE] == 1
    assert not (settings.sorted_dir / PLACE).exists()
    assert moved.read_bytes() == (lost.sorted / PLACE).read_bytes()


def test_a_photo_that_lies_where_it_is_known_to_lie_comes_back_no_second_time(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    (lost.sorted / "Sale").mkdir()
    (lost.sorted / PLACE).rename(lost.sorted / "Sale" / "moved.png")
    assert lost.seeker.notice_dragged(100) == 1
    lost.clock.advance(60)
    made = lost.back_up()  # which arrived, and then the photo's copy did not
    about = {"sha256": sha256(made.read_bytes()).hexdigest()}
    s3.opened(bucket).put(f"berlin/backups/{made.name}", made.read_bytes(), about)
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    shutil.copytree(lost.sorted, settings.sorted_dir, dirs_exist_ok=True)
    assert rescue(settings, lost, SOON)[Fate.THERE] == 2
    assert photos(settings.sorted_dir) == photos(lost.sorted)


def test_each_of_two_photos_with_the_same_bytes_comes_back_also_in_two_tries(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    lost.night("return-60003_front.png", first=7)
    lost.night("return-60004_front.png", first=7)
    copy(lost, s3.settings(bucket, photos=True))
    wanted = photos(lost.sorted)
    assert len(wanted) == 4
    settings, now = new_box(tmp_path, s3.settings(bucket, photos=True)), datetime.now(UTC)
    bring_memory(settings, connect(settings.mirror), now)
    with closing(Store(settings.state_dir)) as store:
        began = store.facts.get(UNFETCHED)
        bring_files(settings, connect(settings.mirror), store)
        assert photos(settings.sorted_dir) == wanted
        next(settings.sorted_dir.rglob("return-60004_front.png")).unlink()
        store.facts.remember(UNFETCHED, began)
        bring_files(settings, connect(settings.mirror), store)
    assert photos(settings.sorted_dir) == wanted


def test_nothing_else_begins_while_files_are_still_to_come(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    settings, clock = new_box(tmp_path, s3.settings(bucket, photos=True)), lost.clock
    bring_memory(settings, connect(settings.mirror), clock.now())
    for begun in (build_orders, build):
        with (
            pytest.raises(RefusedError, match="go on with: nightsort restore --from-mirror"),
            begun(settings, clock),
        ):
            raise AssertionError
    with adopted(settings, clock) as store:
        bring_files(settings, connect(settings.mirror), store)
    with build_orders(settings, clock):
        assert (settings.sorted_dir / PLACE).exists()


def test_a_backup_of_the_time_when_files_were_to_come_does_not_ask_for_them(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    settings, clock = new_box(tmp_path, s3.settings(bucket, photos=True)), lost.clock
    bring_memory(settings, connect(settings.mirror), clock.now())
    clock.advance(60)
    meanwhile = Backups.from_settings(settings).make(clock.now(), pause=lambda: None).path
    restore(settings.state_dir, meanwhile, clock.now())
    with build_orders(settings, clock):
        pass


def test_a_newest_backup_that_is_damaged_there_gives_way_to_the_one_before(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    about = {"sha256": "0" * 64, "place": "x"}
    name = "nightsort-2025-10-14T030000Z-schema1.db"
    ahead = "nightsort-2030-01-01T000000Z-schema1.db"  # of a clock that was wrong
    for one in (name, ahead):
        s3.opened(bucket).put(f"berlin/backups/{one}", b"cut off", about)
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    rescue(settings, lost)
    assert photos(settings.sorted_dir) == photos(lost.sorted)
    assert not (settings.state_dir / "backups" / name).exists()


def test_a_newest_backup_that_cannot_be_used_gives_way_to_the_one_before(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    spoilt, opened = b"SQLite format 3\0 and no more", s3.opened(bucket)
    name = "nightsort-2025-10-14T030000Z-schema1.db"  # was sent as it is
    opened.put(f"berlin/backups/{name}", spoilt, {"sha256": sha256(spoilt).hexdigest()})
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    rescue(settings, lost)
    assert photos(settings.sorted_dir) == photos(lost.sorted)
    assert not (settings.state_dir / "backups" / name).exists()


def test_the_bucket_of_another_box_changes_nothing_in_the_state_folder(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    presence = lost.store.facts.get(PRESENCE) or {"folders": {}}
    lost.store.facts.remember(PRESENCE, {**presence, "instance": "of another"})
    lost.clock.advance(60)
    lost.back_up()
    Forgotten(lost.state).add(["a mark"])
    (lost.state / "models").mkdir(exist_ok=True)
    (lost.state / "models" / "2026-11-01.1.npz").write_bytes(b"a version")
    copy(lost, s3.settings(bucket, photos=True))
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    with closing(Store(settings.state_dir)) as store:
        store.facts.remember(PRESENCE, {"instance": "of this one", "folders": {}})
    with pytest.raises(RefusedError, match="is of another nightsort"):
        bring_memory(settings, connect(settings.mirror), lost.clock.now())
    names = {Path(name).name for name in photos(settings.state_dir)}
    assert all(name.startswith(DATABASE) or name.endswith(".lock") for name in names), names


def test_what_was_learnt_comes_back_although_the_first_try_broke_off_before(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    (lost.state / "models").mkdir(exist_ok=True)
    (lost.state / "models" / "2026-11-01.1.npz").write_bytes(b"a version")
    Forgotten(lost.state).add(["a mark"])
    copy(lost, s3.settings(bucket, photos=True))
    opened, key = s3.opened(bucket), "berlin/forgotten.json"
    about, pieces = opened.get(key)
    kept = b"".join(pieces)
    opened.put(key, b"{}", about)
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    with pytest.raises(RefusedError, match=r"forgotten.json is damaged, or not what was sent"):
        bring_memory(settings, connect(settings.mirror), lost.clock.now())
    with pytest.raises(RefusedError, match=r"forgotten.json is damaged, or not what was sent"):
        bring_memory(settings, connect(settings.mirror), lost.clock.now())
    assert not (settings.state_dir / "forgotten.json").exists()
    opened.put(key, kept, about)
    rescue(settings, lost)
    assert Forgotten(settings.state_dir).knows("a mark")
    assert (settings.state_dir / "models" / "2026-11-01.1.npz").read_bytes() == b"a version"


@pytest.mark.parametrize("is_of_one_box", [True, False])
def test_what_was_forgotten_here_or_there_does_not_come_back(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str, *, is_of_one_box: bool
) -> None:
    here, there = ("return-60001_front.png", "return-60002_front.png")
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    if is_of_one_box:  # an older copy of the same list
        Forgotten(lost.state).add(["a mark of before"])
        shutil.copy(lost.state / FILE, settings.state_dir / FILE)
    for name, state_dir in ((there, lost.state), (here, settings.state_dir)):
        (story,) = lost.store.history.stories(name)
        Forgotten(state_dir).add([content_mark(story.sha256)])
    opened, key = s3.opened(bucket), f"berlin/{FILE}"
    content = (lost.state / FILE).read_bytes()
    opened.put(key, content, {"sha256": sha256(content).hexdigest()})
    rescue(settings, lost)
    assert [one for one in photos(settings.sorted_dir) if one.endswith(".png")] == []
    known = Forgotten(settings.state_dir)
    assert len(known) == 2 + is_of_one_box
    assert len(json.loads((settings.state_dir / FILE).read_text()).get("others", [])) == (
        0 if is_of_one_box else 1
    )
    before = (settings.state_dir / FILE).read_bytes()
    known.take_in(content)
    assert (settings.state_dir / FILE).read_bytes() == before
    known.add(["another mark"])
    assert Forgotten(settings.state_dir).knows("another mark")
    assert len(Forgotten(settings.state_dir)) == 3 + is_of_one_box


def test_a_learnt_version_that_is_damaged_there_comes_out_of_the_backup(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    versions, name = Versions(lost.state), "2026-11-01.1.npz"
    versions.folder.mkdir(exist_ok=True)
    for one in (name, "2026-11-02.1.npz"):
        (versions.folder / one).write_bytes(b"a version")
    copy_versions(lost.store, versions)
    lost.clock.advance(60)
    lost.back_up()
    copy(lost, s3.settings(bucket, photos=True))
    opened, key = s3.opened(bucket), f"berlin/versions/{name}"
    opened.put(key, b"changed", opened.about(key))
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    rescue(settings, lost)
    with adopted(settings, lost.clock) as store:
        assert store.version_copies.names() == {"2026-11-01.1", "2026-11-02.1"}
    assert (settings.state_dir / "models" / name).read_bytes() == b"a version"


@pytest.mark.parametrize(
    "place", ["../outside.png", "Shirts/../../outside.png", "/tmp/outside.png", "", "a%00b.png",
              ".nightsort/x.png", "Shirts/run.sh", "Shirts/"],
)  # fmt: skip
def test_an_object_that_leads_elsewhere_is_left(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str, place: str
) -> None:
    content = tiny_photo("Shirts", 99)
    about = {"sha256": sha256(content).hexdigest(), "place": place}
    opened = s3.opened(bucket)
    opened.put(f"berlin/{DAY}/Shirts/x.png", content, about)
    opened.put("berlin/results/wages.xlsx", content, about)
    opened.put("berlin/versions/x.sh", content, about)
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    rescue(settings, lost)
    assert content not in photos(tmp_path / "new").values()
    assert not list(tmp_path.glob("outside*"))


@pytest.mark.parametrize("said", ["its hash", "none"])
def test_a_photo_that_was_changed_there_does_not_come_back_as_it(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str, said: str
) -> None:
    lost.clock.advance(60)
    lost.back_up()  # knows its copy
    copy(lost, s3.settings(bucket, photos=True))
    opened = s3.opened(bucket)
    key = f"berlin/{DAY}/{PLACE}"
    about = {**opened.about(key)}
    if said == "none":
        del about["sha256"]
    opened.put(key, b"changed", about)
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    assert rescue(settings, lost)[Fate.DAMAGED] == 1
    assert not (settings.sorted_dir / PLACE).exists()
    assert not list(settings.sorted_dir.rglob(".nightsort*"))


def test_what_people_took_away_does_not_come_back(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    (lost.sorted / PLACE).unlink()
    lost.store.removals.remove([1], lost.clock.now())
    lost.clock.advance(3600)
    lost.back_up()
    copy(lost, s3.settings(bucket, photos=True))
    settings = new_box(tmp_path, s3.settings(bucket, photos=True))
    rescue(settings, lost)
    assert photos(settings.sorted_dir) == photos(lost.sorted)


def test_a_bucket_without_a_backup_of_the_station_is_refused(
    lost: Shop, tmp_path: Path, s3: Storage, bucket: str
) -> None:
    settings = new_box(tmp_path, s3.settings(bucket, station="hamburg"))
    with pytest.raises(RefusedError, match="no good backup of station hamburg"):
        bring_memory(settings, connect(settings.mirror), lost.clock.now())
    assert not (settings.state_dir / DATABASE).exists()
