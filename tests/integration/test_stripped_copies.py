"""Photos leave the house without what their cameras noted; the originals stay as they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from classifier.stripping import stripped
from config.errors import PhotoError
from config.mirror import MirrorSettings
from config.settings import Settings
from daemon.folders.forgotten import Forgotten, content_mark
from daemon.mirror.bucket.client import connect
from daemon.mirror.bucket.fetching import Fate
from daemon.mirror.bucket.filling import document_of
from daemon.mirror.bucket.reading import strip
from daemon.mirror.bucket.rescue import bring_files, bring_memory
from daemon.mirror.bucket.thread import copier_of
from daemon.service.app import build_orders
from daemon.service.state import adopted
from daemon.store import Store
from tests.integration.test_pick_lists import updater
from tests.support.bucket_shop import copier, copy, finish, settings_of
from tests.support.forgetting import ForgettingShop
from tests.support.s3 import Storage

DAY = "2025-10-13"
PHOTO = "return-60001_front.jpg"
KEY = f"{DAY}/Shirts/{PHOTO}"
WHERE = b"52.5163N 13.3777E"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ForgettingShop]:
    shop = ForgettingShop(tmp_path / "box")
    shop.updater = lambda: updater(shop)
    yield shop
    shop.stop()


def phone_photo(shade: int = 10) -> bytes:
    """A JPEG that says where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[0x1B] = WHERE
    file = BytesIO()
    Image.new("RGB", (16, 8), (shade,) * 3).save(file, "JPEG", exif=exif)
    assert WHERE in file.getvalue()
    return file.getvalue()


def mirror(s3: Storage, bucket: str, **more: Any) -> dict[str, Any]:
    return s3.settings(bucket, photos=True, **({"strip_metadata": True} | more))


def photos(s3: Storage, bucket: str) -> dict[str, bytes]:
    return {key: text for key, text in s3.objects(bucket).items() if key.startswith("20")}


def test_it_is_so_unless_settings_say_otherwise() -> None:
    assert MirrorSettings().strip_metadata


def test_a_copy_has_the_pixels_alone_and_the_original_stays(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    data = phone_photo()
    shop.drop(PHOTO, data)
    shop.drain()
    copy(shop, mirror(s3, bucket))
    made = photos(s3, bucket)[KEY]
    assert made == stripped(data)
    assert WHERE not in made
    assert (shop.sorted / "Shirts" / PHOTO).read_bytes() == data
    about = s3.opened(bucket).about(f"berlin/{KEY}")
    assert about["sha256"] == sha256(made).hexdigest()
    assert about["original-sha256"] == sha256(data).hexdigest()
    assert about["original-bytes"] == str(len(data))
    assert copy(shop, mirror(s3, bucket)) > 0  # compared, and nothing sent again
    assert shop.store.bucket.waiting() == 0


def test_who_wants_them_byte_for_byte_gets_them_so_and_back(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    data = phone_photo()
    shop.drop(PHOTO, data)
    shop.drain()
    for strips, wanted in ((False, data), (True, stripped(data)), (False, data)):
        copy(shop, mirror(s3, bucket, strip_metadata=strips))
        assert photos(s3, bucket) == {KEY: wanted}


def test_what_cannot_be_had_without_stays_at_home_and_is_told(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.drop("return-60005_front.png", b"\x89PNG broken " + WHERE)
    shop.drain()
    whole = mirror(s3, bucket, strip_metadata=False)
    copy(shop, whole)
    assert len(photos(s3, bucket)) == 1
    wanted = mirror(s3, bucket)
    copy(shop, wanted)
    assert photos(s3, bucket) == {}
    said = document_of(settings_of(shop, wanted), shop.store, None)
    assert said is not None
    assert (said["state"], said["waiting"], said["kept_home"]) == ("equal", 0, 1)
    made = copier(shop, wanted)
    put = made._bucket.put
    made._bucket.put = lambda key, *rest, **more: put(f"{key}-again", *rest, **more)  # type: ignore[method-assign]
    finish(made)
    assert photos(s3, bucket) == {}
    copy(shop, whole)
    assert len(photos(s3, bucket)) == 1


def test_what_is_forgotten_here_is_gone_there_though_its_hash_is_another(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.drop(PHOTO, phone_photo())
    shop.drain()
    copy(shop, mirror(s3, bucket))
    shop.forget("60001")
    with shop.store.bucket._db.transaction():
        shop.store.bucket._db.execute("DELETE FROM bucket_copies")  # as an older one would be
    copy(shop, mirror(s3, bucket))
    assert photos(s3, bucket) == {}


# --- a lost box ----------------------------------------------------------------------------------


def lose(shop: ForgettingShop, wanted: dict[str, Any]) -> Settings:
    """The same settings on a machine with empty folders."""
    settings = settings_of(shop, wanted)
    shop.stop()
    for folder in (shop.incoming, shop.sorted, shop.results, shop.state):
        folder.rename(folder.with_name(f"lost-{folder.name}"))
        folder.mkdir()
    return settings


def rescue(settings: Settings, shop: ForgettingShop) -> Counter[Fate]:
    soon = datetime.now(UTC) + timedelta(hours=12)  # what lies in folders was there before
    bring_memory(settings, connect(settings.mirror), soon)
    with adopted(settings, shop.clock) as store:
        fates = bring_files(settings, connect(settings.mirror), store)
    with build_orders(settings, shop.clock):
        return fates


@pytest.mark.parametrize("knows", ["it", "it and its copy", "nothing of it"])
def test_a_photo_comes_back_without_and_the_history_says_that_its_bytes_are_others(
    shop: ForgettingShop, s3: Storage, bucket: str, knows: str
) -> None:
    data = phone_photo()
    copy(shop, mirror(s3, bucket))  # as which box it is known there is in the backup
    if knows == "nothing of it":
        shop.back_up()
    shop.clock.advance(60)
    shop.drop(PHOTO, data)
    shop.drain()
    if knows == "it and its copy":
        copy(shop, mirror(s3, bucket))
    if knows != "nothing of it":
        shop.back_up()
    copy(shop, mirror(s3, bucket))
    settings = lose(shop, mirror(s3, bucket))
    assert rescue(settings, shop)[Fate.STRIPPED] == 1
    made = (settings.sorted_dir / "Shirts" / PHOTO).read_bytes()
    assert made == stripped(data)
    with closing(Store(settings.state_dir)) as store:
        (story,) = store.history.lying_at(f"Shirts/{PHOTO}")
        assert story.sha256 == sha256(data).hexdigest()
        assert story.sha256_now == sha256(made).hexdigest()
        there = photos(s3, bucket)
        finish_on(settings, store, shop)
        assert photos(s3, bucket) == there
        assert store.bucket.waiting() == store.bucket.put_off() == 0


def finish_on(settings: Settings, store: Store, shop: ForgettingShop) -> None:
    finish(copier_of(settings, store, connect(settings.mirror), shop.clock))


def test_an_original_that_survived_is_neither_replaced_nor_brought_back_twice(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    shop.drop(PHOTO, phone_photo())
    shop.drop("return-60002_front.jpg", phone_photo(20))
    shop.drain()
    shop.back_up()
    copy(shop, mirror(s3, bucket))
    settings = lose(shop, mirror(s3, bucket))
    survived = settings.sorted_dir / "Shirts" / PHOTO
    survived.parent.mkdir()
    survived.write_bytes(phone_photo())
    moved = settings.sorted_dir / "Sale" / "moved.jpg"
    moved.parent.mkdir()
    moved.write_bytes(phone_photo(20))
    fates = rescue(settings, shop)
    assert fates[Fate.STRIPPED] == 0
    assert fates[Fate.THERE] == 2
    assert survived.read_bytes() == phone_photo()
    assert not (settings.sorted_dir / "Shirts" / "return-60002_front.jpg").exists()


def test_what_was_forgotten_does_not_come_back_though_its_copy_has_another_hash(
    shop: ForgettingShop, s3: Storage, bucket: str
) -> None:
    data = phone_photo()
    shop.drop(PHOTO, data)
    shop.drain()
    shop.back_up()
    Forgotten(shop.state).add([content_mark(sha256(data).hexdigest())])
    opened = s3.opened(bucket)
    copy(shop, s3.settings(bucket))
    about = {"sha256": sha256(stripped(data)).hexdigest(), "place": f"Shirts/{PHOTO}"}
    about |= {"original-sha256": sha256(data).hexdigest(), "original-bytes": str(len(data))}
    opened.put(f"berlin/{KEY}", stripped(data), about)
    settings = lose(shop, mirror(s3, bucket))
    assert rescue(settings, shop)[Fate.STRIPPED] == 0
    assert not (settings.sorted_dir / "Shirts" / PHOTO).exists()


def test_a_large_photo_is_read_whole_for_that_and_one_that_never_was_decoded_is_not() -> None:
    data = phone_photo()
    made = strip(BufferedReader(BytesIO(data)), len(data))
    assert (made.content, made.sha256) == (stripped(data), sha256(stripped(data)).hexdigest())
    with pytest.raises(PhotoError, match="too large"):
        strip(BufferedReader(BytesIO(data)), len(data) - 1)
