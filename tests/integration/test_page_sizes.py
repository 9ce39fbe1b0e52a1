"""Pages stay small with the longest names that a file can have, at their full length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from classifier.pixels import UInt8Array
from classifier.verdict import Band, Verdict
from daemon.reporting.reporter import MOST_SPOT_CHECKS
from tests.support.classifiers import verdict
from tests.support.core import by_tone, tiny_photo
from tests.support.web_core import WebDesk, reviewed
from web.pages.groups import MOST_SHOWN
from web.roles import Role

_LONGEST_BYTES = 255
_SMALL_BYTES = 100_000


def think(picture: UInt8Array) -> Verdict:
    """Tops are filed with the remark that a look would not hurt."""
    found = by_tone(picture)
    return verdict("Tops", 0.8, Band.CHECK) if found.band is Band.AUTO else found


def long_name(number: int, letter: str) -> str:
    """As long as a file system takes it."""
    rest = _LONGEST_BYTES - len("1234.png")
    size = len(letter.encode())
    name = f"{number:04}{letter * (rest // size)}{'x' * (rest % size)}.png"
    assert len(name.encode()) == _LONGEST_BYTES
    return name


@pytest.fixture(
    scope="module", params=["a", "\N{LATIN SMALL LETTER O WITH DIAERESIS}", "\N{DRESS}"]
)
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebDesk]:
    """More of each kind than its page shows."""
    photos = [tiny_photo("review", n) for n in range(MOST_SHOWN + 5)]
    photos += [tiny_photo("Tops", n) for n in range(MOST_SHOWN + 5)]
    photos += [f"no photo {n}".encode() for n in range(110)]
    with reviewed(tmp_path_factory.mktemp("sizes"), think=think) as desk:
        desk.core.clock.set_wall_clock(datetime.now(UTC))
        for number, photo in enumerate(photos):
            desk.core.drop(long_name(number, request.param), photo)
        run = desk.core.drain()["run"]
        desk.core.store.spot_checks.choose(run, 1.0, MOST_SPOT_CHECKS)
        yield desk


@pytest.fixture(scope="module")
def clerk(desk: WebDesk) -> dict[str, str]:
    return {"x-api-key": desk.site.store.keys.add("clerk", Role.CLERK)}


@pytest.mark.parametrize(
    "path",
    [
        "/", "/page/now", "/review", "/review?queue=looks", "/review?queue=spots",
        "/page/groups", "/page/groups?queue=looks", "/page/groups?queue=spots",
        "/find?run={run}", "/find?state=review", "/find?state=quarantined", "/page/runs",
        "/page/runs/{run}", "/page/pick-lists", "/page/reports", "/station", "/page/station",
    ],
)  # fmt: skip
def test_a_page_stays_small_with_the_longest_names(
    desk: WebDesk, clerk: dict[str, str], path: str
) -> None:
    (summary,) = desk.core.store.runs.summaries()
    for language in ("en", "de"):
        headers = {**clerk, "accept-language": language}
        answer = desk.get(path.format(run=summary["run"]), **headers)
        assert answer.status_code == 200, answer.text
        assert len(answer.content) < _SMALL_BYTES


def test_in_groups_each_photo_is_named_once_and_its_link_by_the_same_name(
    desk: WebDesk, clerk: dict[str, str]
) -> None:
    page = desk.get("/page/groups", **clerk).text
    names = re.findall(r'<img id="p(\d+)" [^>]* alt="([^"]+)"', page)
    assert len(names) == MOST_SHOWN
    for number, name in names:
        assert page.count(name) == 1
        assert f'<a id="l{number}" aria-labelledby="l{number} p{number}"' in page
