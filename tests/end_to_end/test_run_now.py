"""RUN NOW through a real Samba share, with the real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.photos import write_photo
from tests.support.processes import DEADLINE_SECONDS, Site
from tests.support.samba import samba
from tests.support.waiting import eventually


@pytest.mark.servers
def test_run_now_works_through_a_samba_share(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")
    photo = write_photo(tmp_path / "shirt.jpg", seed=1)
    words = tmp_path / "words.txt"
    words.write_text("please", encoding="utf-8")
    with samba(site.incoming, tmp_path / "samba") as share, site.daemon():
        share.does(f"put {photo} shirt-10001.jpg")
        share.does('mkdir "RUN NOW"')
        eventually(lambda: len(site.growing_rows()) == 1, within_s=DEADLINE_SECONDS)
        eventually(lambda: "nightsort has run" in share.does("ls"), within_s=DEADLINE_SECONDS)
        assert "RUN NOW" not in share.does("ls")
        share.does(f"put {photo} shirt-10002.jpg; put {words} run_now.txt")
        share.does('rename run_now.txt "Run Now.txt"')
        eventually(lambda: len(site.growing_rows()) == 2, within_s=DEADLINE_SECONDS)
        notes = [path for path in site.incoming.iterdir() if path.suffix == ".txt"]
    assert "1 filed" in notes[0].read_text() or "1 to review" in notes[0].read_text()
    assert [line["event"] for line in site.events()].count("run_requested") == 2
