"""The page of an archive: what its photos came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import BinaryIO

from classifier.archive.totals import Totals
from classifier.verdict import Band
from daemon.domain.reasons import in_words
from daemon.domain.speech import Speech
from daemon.reporting.pages import write_page


def write_archive_page(file: BinaryIO, paths: Sequence[str], totals: Totals, say: Speech) -> None:
    """Write the page. paths: what was named as the archive."""
    failed = totals.errors.total()
    write_page(
        file,
        "archive.html.j2",
        say,
        paths=paths,
        totals=totals,
        sentence=say(
            "archived.sentence",
            photos=say.count(totals.photos, "photo"),
            judged=say.number(totals.photos - failed),
        ),
        bands=[(band, totals.bands[band]) for band in Band],
        why=[
            (say("archived.held_back"), _words(totals.reasons, say)),
            (say("archived.failed"), _words(totals.errors, say)),
        ],
    )


def _words(codes: Counter[str], say: Speech) -> list[tuple[str, int]]:
    return [(in_words(code, say), photos) for code, photos in codes.most_common()]
