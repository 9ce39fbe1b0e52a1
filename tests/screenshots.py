"""The pictures in docs/pictures: what nightsort writes of drawn photos, as a browser shows it.

    python -m tests.screenshots docs/pictures

Two weeks of nights pass, with the real parts and the real model; only the wall clock is another.
The drawings are nobody's photos, and say nothing about how good the model is.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image

from config.settings import Settings, load
from daemon.cli.demo import FOLDERS
from daemon.cli.samples import damaged, draw_item
from daemon.domain.clock import SystemClock
from daemon.domain.orders import LATEST, Correct, Given, MakePeriodReport, MakeReport, Speaker
from daemon.service.app import build, build_orders
from tests.support.browser import FLAGS, browser
from tests.support.waiting import DEADLINE_SECONDS

_MONDAY = datetime(2026, 11, 2, 2, tzinfo=UTC)
_NIGHTS, _CLOSED = 14, 12  # in the night of that number nothing waited
_ITEMS = ("tshirt", "shirt", "dress", "handbag", "sunglasses", "watch", "shoe", "tshirt", "watch")
_SETTINGS = rf"""
{FOLDERS}
[window]
timezone = "UTC"
[intake]
settle_seconds = 0.1
[links]
sorted = '\\warehouse\sorted'
[categories."Tshirts"]
code = "TS"
location = "Section A, Aisle 3"
[categories."Shirts"]
code = "SH"
location = "Section A, Aisle 4"
[categories."Watches"]
code = "WA"
location = "Section C, Cabinet 1"
[categories."Handbags"]
code = "HB"
location = "Section B, Aisle 1"
[categories."Sunglasses"]
code = "SG"
location = "Section C, Cabinet 2"
[categories."Casual Shoes"]
code = "CS"
location = "Section D, Aisle 9"
"""


class _ShiftedClock(SystemClock):
    """The machine's clocks, the wall clock set to another time."""

    def __init__(self, now: datetime) -> None:
        super().__init__(UTC)
        self._shift = now - datetime.now(UTC)

    def now(self) -> datetime:
        return super().now() + self._shift


@dataclass(frozen=True, slots=True)
class _Shot:
    """A page as somebody sees it."""

    name: str
    page: str  # in results
    width: int
    height: int
    dark: bool = False
    top: int = 0  # how far it is scrolled


_SHOTS = (
    _Shot("report-desktop", "batch_report_latest.html", 1280, 1500),
    _Shot("report-desktop-dark", "batch_report_latest.html", 1280, 900, dark=True),
    _Shot("report-phone", "batch_report_latest.html", 390, 1100),
    _Shot("report-phone-dark", "batch_report_latest.html", 390, 1100, dark=True, top=560),
    _Shot("pick-lists", "exports/pick_lists_latest.html", 1280, 900),
    _Shot("week-desktop", "period_report_2026-W46.html", 1280, 1320),
    _Shot("week-phone-dark", "period_report_2026-W46.html", 390, 1100, dark=True),
)


def main() -> None:
    """Write the pictures into the folder that the command line names."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        _pass_two_weeks(site)
        for shot in _SHOTS:
            _take(shot, site, target)


# --- what is shown -------------------------------------------------------------------------------


def _pass_two_weeks(site: Path) -> None:
    (site / "nightsort.toml").write_text(_SETTINGS, encoding="utf-8")
    (site / "incoming").mkdir()
    settings, rng = load(site / "nightsort.toml"), random.Random(11)
    number = 60_500
    for night in range(_NIGHTS):
        if night == _CLOSED:
            continue
        is_last = night == _NIGHTS - 1
        if is_last:
            note = settings.incoming_dir / "note for Anna.jpg"
            note.write_text("Please call back.", encoding="utf-8")
        photos = 60 if is_last else rng.randrange(20, 44)
        number = _drop(settings.incoming_dir, rng, photos, number)
        with build(settings, _ShiftedClock(_MONDAY + timedelta(days=night))) as service:
            service.run_once()
    _morning(settings, _MONDAY + timedelta(days=_NIGHTS, hours=6))


def _drop(incoming: Path, rng: random.Random, photos: int, number: int) -> int:
    """Drop photos, a duplicate and damaged ones among them; returns the last return's number."""
    jpeg = b""
    for count in range(photos):
        number += rng.randrange(1, 9)
        jpeg = _photograph(rng)
        (incoming / f"return-{number}_front.jpg").write_bytes(jpeg)
        if count % 25 == 3:
            (incoming / f"return-{number}_front_2.jpg").write_bytes(jpeg)
        if count % 20 == 7:
            (incoming / f"return-{number + 1}_front.jpg").write_bytes(damaged(jpeg))
    return number + 1


def _photograph(rng: random.Random) -> bytes:
    file = BytesIO()
    draw_item(rng.choice(_ITEMS), rng, (600, 800)).save(file, "JPEG", quality=88)
    return file.getvalue()


def _morning(settings: Settings, at: datetime) -> None:
    """What people did until eight: one photo decided, one found wrong; then the pages again."""
    with build_orders(settings, _ShiftedClock(at)) as orders:
        waiting = sorted((settings.sorted_dir / "_review").rglob("*.jpg"))[-3]
        place = str(waiting.relative_to(settings.sorted_dir))
        orders.carry_out(Given(Correct((place,), "Shirts"), Speaker("anna")))
        orders.answer(MakeReport(LATEST))
        orders.answer(MakePeriodReport(date(2026, 11, 9), date(2026, 11, 15)))


# --- how it is shown -----------------------------------------------------------------------------


def _take(shot: _Shot, site: Path, target: Path) -> None:
    """Photograph a page in a frame of its width: a browser's own window is never narrow."""
    page = (site / "results" / shot.page).as_uri()
    frame = site / f"{shot.name}.html"
    frame.write_text(
        f'<body style="margin:0"><iframe src="{page}" style="border:0;width:{shot.width}px;'
        f'height:{shot.height + shot.top}px;margin-top:-{shot.top}px"></iframe>',
        encoding="utf-8",
    )
    raw = site / f"{shot.name}.png"
    scheme = ["--blink-settings=preferredColorScheme=0"] if shot.dark else []
    subprocess.run(
        [
            browser() or "chromium", *FLAGS, *scheme, "--hide-scrollbars",
            f"--user-data-dir={site / 'profile'}", f"--window-size=1280,{shot.height}",
            f"--screenshot={raw}", frame.as_uri(),
        ],
        capture_output=True, timeout=DEADLINE_SECONDS, check=True,
    )  # fmt: skip
    target.mkdir(parents=True, exist_ok=True)
    with Image.open(raw) as image:
        seen = image.convert("RGB").crop((0, 0, shot.width, shot.height))
        seen.save(target / f"{shot.name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
