"""RUN NOW through a real Samba share, with the real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.photos import write_photo
from tests.support.processes import Site
from tests.support.samba import Samba, samba
from tests.support.waiting import DEADLINE_SECONDS, eventually


@pytest.mark.servers
def test_run_now_works_through_a_samba_share(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")
    photo = write_photo(tmp_path / "shirt.jpg", seed=1)
    words = tmp_path / "words.txt"
    words.write_text("please", encoding="utf-8")
    with samba(site.incoming, tmp_path / "samba") as share, site.daemon():
        share.put(photo, "shirt-10001.jpg")
        does(share, 'mkdir "RUN NOW"')
        eventually(lambda: len(site.growing_rows()) == 1, within_s=DEADLINE_SECONDS)
        eventually(lambda: notes(site), within_s=DEADLINE_SECONDS)
        assert not (site.incoming / "RUN NOW").exists()
        share.put(photo, "shirt-10002.jpg")
        share.put(words, "words.txt")
        does(share, 'rename words.txt "Run Now.txt"')
        eventually(lambda: len(site.growing_rows()) == 2, within_s=DEADLINE_SECONDS)
    assert "1 filed" in notes(site)[0].read_text() or "1 to review" in notes(site)[0].read_text()
    assert [line["event"] for line in site.events()].count("run_requested") == 2


def does(share: Samba, command: str) -> None:
    """What a client at a photo station does."""
    assert share.ask(command).wait(DEADLINE_SECONDS) == 0


def notes(site: Site) -> list[Path]:
    return list(site.incoming.glob("nightsort has run *.txt"))
