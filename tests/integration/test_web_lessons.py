"""Why a lesson ended as it did, on the page in the browser's language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daemon.domain.corrections import Via
from daemon.domain.lessons import Wanted
from daemon.domain.orders import Speaker
from tests.support.web_core import WebDesk, reviewed

LEA = Speaker("lea", Via.PAGE)
REFUSED: dict[str, Any] = {
    "version": None, "base": "fashion 1", "examples": {"Boxes": 3}, "new_labels": [], "seconds": 0,
    "before": None, "after": None, "became_right": [], "became_wrong": [], "doubtful": [],
    "judgement": "refused", "adopted": False, "photos": 0,
    "why": "there are 3 examples to learn from, and a lesson needs 40; they come from what people "
    "correct and decide, and from: nightsort learn add",
}  # fmt: skip


def lesson(desk: WebDesk, why: str, result: dict[str, Any] | None = None) -> str:
    """One that is over; where it is shown."""
    lessons, now = desk.core.store.lessons, desk.core.clock.now()
    number = lessons.ask(Wanted(), LEA, now)
    lessons.end(number, result, why, now)
    return f"/page/learning/{number}"


def test_why_it_ended_is_told_in_both_languages(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        failed = lesson(desk, "nightsort was stopped while it was being held; ask for it again")
        refused = lesson(desk, "", REFUSED)
        assert "was stopped while it was being held" in desk.get(failed).text
        assert "there are 3 examples" in desk.get(refused).text
        german = {"accept-language": "de"}
        assert "fordern Sie sie noch einmal an" in desk.get(failed, **german).text
        shown = desk.get(refused, **german).text
        assert "es gibt 3 Beispiele zum Lernen, und eine Lektion braucht 40; sie kommen" in shown
        assert "there are 3 examples" not in shown


def test_what_no_catalogue_knows_is_told_as_it_was_said(tmp_path: Path) -> None:
    with reviewed(tmp_path) as desk:
        failed = lesson(desk, "the disk <sda> sings")
        assert "the disk &lt;sda&gt; sings" in desk.get(failed, **{"accept-language": "de"}).text
