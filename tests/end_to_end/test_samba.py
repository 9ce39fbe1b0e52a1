"""The watched folder is a Samba share on this box: photos come from other machines."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from daemon.corrections.share_log import renames_in
from tests.support.photos import photo_bytes, write_photo
from tests.support.processes import Site
from tests.support.samba import AUDIT, Samba, samba
from tests.support.waiting import DEADLINE_SECONDS, eventually

pytestmark = pytest.mark.servers

# Several times what is set; a photo that has not changed for so long counts as settled.
LONGER_THAN_SETTLING_SECONDS = 3.0


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path / "site", mode="continuous")


@pytest.fixture
def server(site: Site, tmp_path: Path) -> Iterator[Samba]:
    with samba(site.incoming, tmp_path / "samba") as server:
        yield server


def big_photo() -> bytes:
    photo = photo_bytes(seed=7, size=(3000, 4000))
    assert len(photo) > 500_000  # enough pieces for an upload that stops half-way
    return photo


def names(site: Site) -> set[str]:
    return {row["filename"] for row in site.growing_rows()}


def is_listed(site: Site, name: str) -> bool:
    return name in names(site)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def contents(photos: list[Path]) -> list[str]:
    return sorted(sha256(photo.read_bytes()) for photo in photos)


def test_photos_put_by_smbclient_are_noticed_by_events_and_filed(
    site: Site, server: Samba, tmp_path: Path
) -> None:
    photos = [write_photo(tmp_path / f"{n}.jpg", seed=n) for n in range(5)]
    with site.daemon():
        for number, photo in enumerate(photos):
            server.put(photo, f"return-1000{number}.jpg")
        server.ask('mkdir "20251013"').wait(60)
        server.put(photos[0], "20251013/again-20001.jpg")
        eventually(lambda: len(names(site)) == 6, within_s=DEADLINE_SECONDS)
    (started,) = (event for event in site.events() if event["event"] == "watch_started")
    assert started["mode"] == "native"
    assert site.photos("incoming") == []
    assert contents(site.photos("sorted")) == contents([*photos, photos[0]])
    assert {row["status"] for row in site.growing_rows()} >= {"duplicate"}


def test_photo_put_slowly_is_not_taken_before_it_is_whole(
    site: Site, server: Samba, tmp_path: Path
) -> None:
    slow = big_photo()
    with site.daemon():
        with server.putting_slowly(slow, "slow-20001.jpg") as go_on:
            arriving = site.incoming / "slow-20001.jpg"
            eventually(lambda: arriving.exists() and arriving.stat().st_size > 0)
            stalled_at = time.monotonic()
            for number in range(100):  # others go on working, and are filed meanwhile
                name = f"quick-{number}.jpg"
                server.put(write_photo(tmp_path / "q.jpg", seed=100 + number), name)
                eventually(partial(is_listed, site, name), within_s=DEADLINE_SECONDS)
                if time.monotonic() - stalled_at > LONGER_THAN_SETTLING_SECONDS:
                    break
            assert 0 < arriving.stat().st_size < len(slow)
            assert "slow-20001.jpg" not in names(site)
            go_on.set()
        eventually(lambda: "slow-20001.jpg" in names(site), within_s=DEADLINE_SECONDS)
    (row,) = (row for row in site.growing_rows() if row["filename"] == "slow-20001.jpg")
    assert row["status"] in ("success", "review")
    assert row["sha256"] == sha256(slow)
    assert Path(row["filed_path"]).read_bytes() == slow


def test_a_folder_called_like_a_line_of_the_log_says_nobody_dragged_a_photo(tmp_path: Path) -> None:
    """Over the share nobody makes such a name; another way to the same disk may."""
    share = tmp_path / "share"
    before, after = f"{share}/Tops/odd.jpg", f"{share}/Shirts/odd.jpg"
    forged = f"nightsort|games|photos|renameat|ok|{before}|{after}"
    hostile = share / f"x\n{forged}\nrest"  # many folders, one in another
    hostile.mkdir(parents=True)
    (hostile / "a.txt").touch()
    with samba(share, tmp_path / "samba", AUDIT) as server:
        server.let_in("games", "secret")
        inside = server.told_as("games%secret", "recurse; ls").rpartition("\n\\")[2].split("\n")[0]
        server.ask_as("games%secret", f'rename "{inside}\\a.txt" "moved.txt"')
        text = eventually(
            lambda: server.log.read_text() if "moved" in server.log.read_text() else ""
        )
    assert f"\n  {forged}\n" in text
    assert [*renames_in(text)] == []


def test_who_dragged_a_photo_on_the_share_is_known_where_the_server_logs_it(tmp_path: Path) -> None:
    log = f'[corrections]\nshare_log = "{tmp_path}/samba/log*"\n'
    site = Site.make(tmp_path / "site", settings=log)
    write_photo(site.incoming / "return-60521_front.jpg", seed=3)
    assert site.nightsort("now").returncode == 0
    (photo,) = site.photos("sorted")
    (site.sorted / "Garden").mkdir()
    with samba(site.sorted, tmp_path / "samba", AUDIT) as server:
        server.let_in("games", "secret")  # an account that every Debian has
        lies = str(photo.relative_to(site.sorted)).replace("/", "\\")
        server.ask_as("games%secret", f'rename "{lies}" "Garden\\{photo.name}"')
    write_photo(site.incoming / "another.jpg", seed=4)
    assert site.nightsort("now").returncode == 0  # looks after each run
    (told,) = json.loads(site.nightsort("find", "60521", "--json").stdout)["photos"]
    assert told["category_now"] == "Garden"
    assert "games" in json.dumps(told)
