"""Photos that wait for a person, sorted by the real daemon: drawn, and all of them doubted."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.cli.samples import draw_item
from tests.support.waiting import eventually
from tests.support.web import Page

# Drawings are nobody's photos: with bounds like these the model is sure of none of them.
DOUBT = "[bands]\nauto = 0.99999\nreview = 0.9999\n[api]\nreads_per_minute = 100000\n"
ITEMS = ("tshirt", "shirt", "dress", "handbag", "sunglasses", "watch", "shoe")


def draw(folder: Path, photos: int, first: int = 0) -> list[str]:
    """So many photos, two of each return; their names."""
    names = []
    for number in range(first, first + photos):
        item = ITEMS[number // 2 % len(ITEMS)]
        name = f"return_{60500 + number // 2}_{'back' if number % 2 else 'front'}.jpg"
        draw_item(item, random.Random(number), (600, 800)).save(folder / name, quality=85)
        names.append(name)
    return names


@contextmanager
def with_photos(folder: Path, photos: int = 8, web: str = "") -> Iterator[Page]:
    """A page and a daemon that run, with so many photos sorted, until the end of the block.

    web: adds to the page's settings.
    """
    page = Page.make(folder, DOUBT, web)
    draw(page.site.incoming, photos)
    page.add_user("carl", "clerk")
    page.add_user("rita", "reader")
    with page.site.daemon(), page.serving():
        page.await_daemon()
        sort(page)
        yield page


def stop_daemon(page: Page) -> None:
    """End the daemon, and wait until everybody sees that."""
    os.kill(int((page.site.state / "lock").read_text()), signal.SIGTERM)
    eventually(lambda: page.site.nightsort("status").returncode == 3)


def sort(page: Page) -> None:
    """Have the daemon sort what waits."""
    done = page.site.nightsort("now", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["failed"] == 0
