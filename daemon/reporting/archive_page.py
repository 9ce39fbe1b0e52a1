"""The page of an archive: what its photos came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import BinaryIO

from classifier.archive.totals import Totals
from classifier.verdict import Band
from daemon.domain.phrases import count
from daemon.domain.reasons import in_words
from daemon.reporting.pages import write_page


def write_archive_page(file: BinaryIO, paths: Sequence[str], totals: Totals) -> None:
    """Write the page. paths: what was named as the archive."""
    failed = totals.errors.total()
    write_page(
        file,
        "archive.html.j2",
        paths=paths,
        totals=totals,
        sentence=f"{count(totals.photos, 'photo')}, {totals.photos - failed} with a verdict.",
        bands=[(band, totals.bands[band]) for band in Band],
        why=[
            ("held back for a person", _words(totals.reasons)),
            ("without a verdict, or not filed", _words(totals.errors)),
        ],
    )


def _words(codes: Counter[str]) -> list[tuple[str, int]]:
    return [(in_words(code), photos) for code, photos in codes.most_common()]
