"""What an archive came to, read from all of its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from classifier.archive.manifest import Manifest
from classifier.archive.rows import read_columns


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of photos."""

    photos: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    bands: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)


def totals_of(manifest: Manifest) -> Totals:
    """Of an archive that is finished."""
    counts = {name: Counter[str]() for name in ("category", "band", "reason", "error", "version")}
    photos = 0
    for number in range(manifest.parts):
        columns = read_columns(manifest.file_of(number), [*counts])
        photos += len(columns["version"])
        for name, column in columns.items():
            counts[name].update(value for value in column if value is not None)
    return Totals(
        photos, counts["category"], counts["band"], counts["reason"], counts["error"],
        counts["version"],
    )  # fmt: skip
