"""Photos in the bucket: each where its category is, moved and forgotten as here."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from config.errors import FolderUnavailable
from daemon.domain.photos import Fingerprint
from daemon.folders.adoption import MARKER, Owner, marker_text
from daemon.folders.tree import Tree
from daemon.mirror.bucket.client import BucketFailed
from daemon.mirror.bucket.filling import document_of
from daemon.mirror.bucket.thread import copier_of
from daemon.mirror.bucket.troubles import Troubles
from daemon.store.bucket_copies import BUCKET
from daemon.store.facts import PRESENCE
from tests.integration.test_pick_lists import updater
from tests.support.bucket_shop import copier, copy, finish, settings_of
from tests.support.core import tiny_photo
from tests.support.forgetting import ForgettingShop
from tests.support.s3 import Storage

DAY = "2025-10-13"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ForgettingShop]:
    shop = ForgettingShop(tmp_path / "box")
    shop.updater = lambda: updater(shop)
    yield shop
    shop.stop()


def photos(s3: Storage, bucket: str) -> dict[str, bytes]:
    """What lies there of photos."""
    return {key: text for key, text in s3.objects(bucket).items() if key.startswith("20")}


def name(number: int) -> str:
    return f"return-60{number:03}_front.png"


# --- where they are ------------------------------------------------------------------------------


def test_without_being_asked_for_no_photo_leaves_the_house(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1))
    copy(shop, s3.settings(bucket))
    assert photos(s3, bucket) == {}


def test_photos_lie_by_day_and_category_and_what_is_undecided_apart(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    contents = {
        name(1): tiny_photo("Shirts", 1),
        name(2): tiny_photo("Tops", 2),
        name(3): tiny_photo("review", 3),
        name(4): tiny_photo("Shirts", 1),
        name(5): b"\x89PNG broken",
    }
    for called, content in contents.items():
        shop.drop(called, content)
        shop.clock.advance(1)
        shop.take_in()
    shop.work()
    shop.drainer.close(settling=0)
    copy(shop, s3.settings(bucket, photos=True))
    groups = ("Shirts", "Tops", "_review", "_duplicates", "_quarantine")
    wanted = zip(groups, contents.items(), strict=True)
    assert photos(s3, bucket) == {
        f"{DAY}/{group}/{called}": content for group, (called, content) in wanted
    }
    about = s3.opened(bucket).about(f"berlin/{DAY}/Shirts/{name(1)}")
    assert about["sha256"] == hashlib.sha256(contents[name(1)]).hexdigest()
    assert about["place"] == f"Shirts/{name(1)}"


def test_what_was_there_before_is_copied_and_then_what_happens(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1), name(2))
    made = copier(shop, s3.settings(bucket, photos=True))
    finish(made)
    assert len(photos(s3, bucket)) == 2
    shop.night(name(3), first=3)
    finish(made)
    assert len(photos(s3, bucket)) == 3
    assert shop.store.bucket.waiting() == 0


def test_a_correction_moves_the_copy(shop: ForgettingShop, s3: Storage, bucket: str) -> None:
    shop.night(name(1), name(2))
    made = copier(shop, s3.settings(bucket, photos=True))
    finish(made)
    shop.corrector.correct("60001", "Tops", "anna")
    finish(made)
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(2)}", f"{DAY}/Tops/{name(1)}"]
    shop.corrector.correct("60001", "Shirts", "anna")
    finish(made)
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(1)}", f"{DAY}/Shirts/{name(2)}"]
    assert s3.opened(bucket).about(f"berlin/{DAY}/Shirts/{name(1)}")["place"].startswith("Shirts")


def test_two_photos_of_one_name_are_kept_apart(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    contents = tiny_photo("Shirts", 1), tiny_photo("Shirts", 2)
    for content in contents:
        shop.drop(name(1), content)
        shop.drain()
        copy(shop, s3.settings(bucket, photos=True))
        (shop.sorted / "Shirts" / name(1)).unlink()  # somebody takes it away
    there = photos(s3, bucket)
    assert sorted(there) == [
        f"{DAY}/Shirts/return-60001_front (2).png",
        f"{DAY}/Shirts/{name(1)}",
    ]
    assert {*there.values()} == {*contents}


def test_a_photo_that_is_called_as_another_s_number_keeps_its_copy(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    contents = [tiny_photo("Shirts", seed) for seed in range(3)]
    called = "return-60001_front (3).png", name(1), name(1)
    for one, content in zip(called, contents, strict=True):
        shop.drop(one, content)
        shop.drain()
        copy(shop, s3.settings(bucket, photos=True))
        (shop.sorted / "Shirts" / one).unlink()  # somebody takes it away
    there = photos(s3, bucket)
    assert sorted(there.values()) == sorted(contents)
    assert there[f"{DAY}/Shirts/{called[0]}"] == contents[0]


def test_a_photo_that_is_sorted_anew_has_one_copy(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1))
    copy(shop, s3.settings(bucket, photos=True))
    shop.corrector.undo("60001", "anna")
    copy(shop, s3.settings(bucket, photos=True))
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(1)}"]
    (shop.incoming / name(1)).rename(shop.incoming / name(2))  # it was left alone until now
    shop.clock.advance(86_400)
    shop.drain()
    copy(shop, s3.settings(bucket, photos=True))
    assert [*photos(s3, bucket)] == [f"2025-10-15/Shirts/{name(2)}"]


def test_an_edited_photo_is_sent_again_once_it_is_known_and_another_file_is_not(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1))
    made = copier(shop, s3.settings(bucket, photos=True))
    finish(made)
    place, edited = f"Shirts/{name(1)}", tiny_photo("Shirts", 77)
    (shop.sorted / place).write_bytes(edited)
    shop.store.removals.put(1, place, Fingerprint(1, 2, 3), "0" * 64)
    finish(made)
    assert photos(s3, bucket) == {f"{DAY}/{place}": tiny_photo("Shirts", 0)}
    shop.store.removals.put(1, place, Fingerprint(1, 2, 3), hashlib.sha256(edited).hexdigest())
    finish(made)
    assert photos(s3, bucket) == {f"{DAY}/{place}": edited}


def test_names_that_no_key_can_have_are_made_safe(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night("caf\u00e9 \N{ATHLETIC SHOE} #1 %20+&=?.png")
    copy(shop, s3.settings(bucket, photos=True))
    ((key, content),) = photos(s3, bucket).items()
    assert key.startswith(f"{DAY}/Shirts/caf\u00e9 \N{ATHLETIC SHOE}")
    assert content == tiny_photo("Shirts", 0)


def test_a_photo_that_is_gone_holds_nothing_up(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1), name(2))
    (shop.sorted / "Shirts" / name(1)).unlink()
    copy(shop, s3.settings(bucket, photos=True))
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(2)}"]


def test_a_share_that_is_not_mounted_is_told_and_its_photos_follow(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    me = Owner("0" * 32, "sorted")
    presence = {"instance": me.instance, "folders": {"sorted": {"home": {}, "has_marker": True}}}
    shop.store.facts.remember(PRESENCE, presence)
    (shop.sorted / MARKER).write_text(marker_text(me))
    shop.night(name(1), name(2))
    made = copier(shop, s3.settings(bucket, photos=True))
    away = shop.sorted.rename(shop.sorted.with_name("away"))
    shop.sorted.mkdir()
    with pytest.raises(FolderUnavailable, match="check that the share is mounted"):
        finish(made)
    shop.sorted.rmdir()
    away.rename(shop.sorted)
    finish(made)
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(1)}", f"{DAY}/Shirts/{name(2)}"]


def test_a_photo_that_could_not_be_copied_as_it_was_is_said_to_wait(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1), name(2))
    (shop.sorted / "Shirts" / name(1)).write_bytes(tiny_photo("Shirts", 77))
    mirror = s3.settings(bucket, photos=True)
    copy(shop, mirror)
    said = document_of(settings_of(shop, mirror), shop.store, None)
    assert said is not None
    assert (said["state"], said["waiting"]) == ("catching up", 1)


def test_photos_that_people_take_away_stay_there(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1))
    copy(shop, s3.settings(bucket, photos=True))
    (shop.sorted / "Shirts" / name(1)).unlink()
    shop.store.removals.remove([1], shop.clock.now())
    copy(shop, s3.settings(bucket, photos=True))
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(1)}"]


# --- what is interrupted -------------------------------------------------------------------------


def test_an_outage_in_the_middle_leaves_nothing_out_and_nothing_twice(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(*map(name, range(8)))
    with s3.gate() as gate:
        mirror = s3.settings(bucket, photos=True, endpoint=gate.address)
        made = copier(shop, mirror)
        put = made._bucket.put

        def broken_off(key: str, *arguments: object, **more: object) -> bool:
            if key.endswith(name(5)):
                gate.trouble = "503 Slow Down"
            return put(key, *arguments, **more)  # type: ignore[arg-type]

        made._bucket.put = broken_off  # type: ignore[method-assign]
        with pytest.raises(BucketFailed):
            finish(made)
        gate.trouble = ""
        assert len(photos(s3, bucket)) == 5
        shop.night(*map(name, range(8, 12)), first=8)
        finish(copier(shop, mirror))
    assert sorted(photos(s3, bucket).values()) == sorted(tiny_photo("Shirts", n) for n in range(12))


def test_a_photo_that_cannot_be_read_waits_behind_all_others(
    shop: ForgettingShop, s3: Storage, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.night(*map(name, range(4)))
    settings = settings_of(shop, s3.settings(bucket, photos=True))
    opened, troubles = s3.opened(bucket), Troubles(shop.clock)
    open_file = Tree.open_file

    def worn_out(tree: Tree, place: str) -> int:
        if place == f"Shirts/{name(1)}":
            raise OSError(errno.EIO, "a bad spot")
        return open_file(tree, place)

    monkeypatch.setattr(Tree, "open_file", worn_out)
    for _ in range(2):  # once where it stands, and once behind all others
        with pytest.raises(FolderUnavailable, match=name(1)):
            finish(copier_of(settings, shop.store, opened, shop.clock, troubles=troubles))
    made = copier_of(settings, shop.store, opened, shop.clock, troubles=troubles)
    finish(made)
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(n)}" for n in (0, 2, 3)]
    assert name(1) in troubles.why
    assert made.waiting == 1
    monkeypatch.setattr(Tree, "open_file", open_file)
    shop.clock.advance(60)
    finish(made)
    assert len(photos(s3, bucket)) == 4
    assert len(troubles) == 0


def test_what_is_forgotten_while_it_is_on_its_way_goes_there_too(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1))
    made = copier(shop, s3.settings(bucket, photos=True))
    put = made._bucket.put

    def forgetful(key: str, *arguments: object, **more: object) -> bool:
        done = put(key, *arguments, **more)  # type: ignore[arg-type]
        if key.endswith(".png"):
            shop.forget("60001")
        return done

    made._bucket.put = forgetful  # type: ignore[method-assign]
    finish(made)
    assert photos(s3, bucket) == {}


def test_a_box_that_was_restored_from_a_backup_ends_up_equal(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1), name(2))
    copy(shop, s3.settings(bucket, photos=True))
    backup = shop.back_up()
    shop.corrector.correct("60001", "Tops", "anna")
    shop.export_corrections()
    shop.night(name(3), first=3)
    copy(shop, s3.settings(bucket, photos=True))
    before = photos(s3, bucket)
    shop.restore(backup)
    copy(shop, s3.settings(bucket, photos=True))
    assert photos(s3, bucket) == before
    assert shop.store.bucket.waiting() == 0
    shop.forget("60003")
    copy(shop, s3.settings(bucket, photos=True))
    assert sorted(photos(s3, bucket)) == [f"{DAY}/Shirts/{name(2)}", f"{DAY}/Tops/{name(1)}"]


# --- what is to go -------------------------------------------------------------------------------


def test_what_is_forgotten_here_is_gone_there(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1), name(2))
    made = copier(shop, s3.settings(bucket, photos=True))
    finish(made)
    receipt = shop.forget("60001")
    assert receipt.files_removed == 1
    finish(copier(shop, s3.settings(bucket, photos=False)))  # they are not wanted any more
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(2)}"]
    finish(copier(shop, s3.settings(bucket, photos=True)))
    everything = {**s3.objects(bucket)}
    assert [key for key, text in everything.items() if b"60001" in text or "60001" in key] == []


def test_what_an_older_database_does_not_know_is_forgotten_there_by_its_hash(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1), name(2))
    copy(shop, s3.settings(bucket, photos=True))
    shop.forget("60001")
    with shop.store.bucket._db.transaction():
        shop.store.bucket._db.execute("DELETE FROM bucket_copies")  # as an older one would be
    copy(shop, s3.settings(bucket, photos=True))
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(2)}"]


def test_what_goes_while_it_is_looked_at_stops_no_comparison(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1), name(2))
    copy(shop, s3.settings(bucket, photos=True))
    shop.forget("60001")
    s3.opened(bucket).put(f"berlin/{DAY}/Shirts/of-others.png", b"bytes", {})
    made = copier(shop, s3.settings(bucket, photos=True))
    about = made._bucket.about

    def late(key: str) -> Mapping[str, str]:
        s3.opened(bucket).delete([key])
        return about(key)

    made._bucket.about = late  # type: ignore[method-assign]
    finish(made)
    assert [*photos(s3, bucket)] == [f"{DAY}/Shirts/{name(2)}"]


def test_retention_takes_the_copies_of_what_it_lets_go(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1))
    copy(shop, s3.settings(bucket, photos=True))
    shop.clock.advance(10 * 86_400)
    shop.night(name(2), first=2)
    shop.keep(filed_days=5)
    shop.tidy()
    copy(shop, s3.settings(bucket, photos=True))
    assert [*photos(s3, bucket)] == [f"2025-10-24/Shirts/{name(2)}"]


def test_the_history_that_is_dropped_takes_its_copies(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.night(name(1))
    copy(shop, s3.settings(bucket, photos=True))
    (shop.sorted / "Shirts" / name(1)).unlink()
    shop.clock.advance(20 * 86_400)
    shop.night(name(2), first=2)
    shop.keep(history_days=5)
    shop.tidy()
    copy(shop, s3.settings(bucket, photos=True))
    assert [*photos(s3, bucket)] == [f"2025-11-03/Shirts/{name(2)}"]


def test_another_bucket_is_begun_anew(shop: ForgettingShop, s3: Storage, bucket: str) -> None:
    shop.night(name(1))
    copy(shop, s3.settings(bucket, photos=True))
    another = s3.new_bucket()
    copy(shop, s3.settings(another, photos=True))
    assert s3.objects(another) == s3.objects(bucket)
    assert shop.store.facts.get(BUCKET)["to"].startswith(another)
