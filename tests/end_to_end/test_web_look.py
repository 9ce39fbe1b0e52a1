"""Looking up and looking at how it goes, in the page of its own process, beside the daemon."""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path

from tests.support.photos import write_photo
from tests.support.waiting import eventually
from tests.support.web import Page


def test_a_night_is_looked_up_beside_the_daemon_and_after_it(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web")
    page.add_user("anna")
    key = {"x-api-key": page.add_key("shop")}
    with page.serving(), page.signed_in("anna") as anna:
        assert "Nothing was sorted yet" in anna.get("/").text
        assert "There is no history yet" in anna.get("/find?q=60521").text
        learning = anna.get("/page/learning")
        assert (learning.status_code, "Nothing was sorted yet" in learning.text) == (200, True)
        assert anna.get("/returns/60521", headers=key).json()["code"] == "no_history"
        with page.site.daemon():
            page.await_daemon()
            assert "Nothing was sorted yet" in anna.get("/").text
            assert "There are none yet" in anna.get("/page/learning").text
            for seed, side in enumerate(("front", "back")):
                write_photo(page.site.incoming / f"RET-20251013-001 {side}.jpg", seed=seed)
            eventually(lambda: "2" in anna.get("/find?state=waiting").text)
            assert page.site.nightsort("now").returncode == 0
            found = anna.get("/find?q=return+20251013+1").text
            assert found.count('<li class="card found">') == 2
            first = anna.get("/").text
            assert re.search(r"as of <time [^>]*>\d\d:\d\d:\d\d", first)
            assert first.count("<svg viewBox") >= 6  # one more once calls were written
        down = anna.get("/").text
        assert "is not sorting" in down
        assert down.count("<svg viewBox") >= 6
        picture = re.search(r'src="(/photos/\d+/image\?side=320)"', found)
        assert picture is not None
        assert anna.get(picture[1]).headers["content-type"] == "image/jpeg"
        text = anna.get("/page/figures/days.csv").content.decode("utf-8-sig")
        (day,) = csv.DictReader(StringIO(text, newline=""))
        assert (day["runs"], day["photos"]) == ("1", "2")
        (run,) = anna.get("/runs", headers=key).json()["runs"]
        assert run["total_processed"] == 2
        assert f"Run {run['run']}" in anna.get(f"/page/runs/{run['run']}").text
        told = anna.get("/returns/RET 20251013-1", headers=key).json()
        assert (told["return_id"], len(told["photos"])) == ("20251013-001", 2)
