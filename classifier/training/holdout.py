"""A folder for `nightsort evaluate` from a bundle's hold-out: links, no copies.

python -m classifier.training.holdout DATA eval/ [--bundle models/fashion] [--source catalogue]
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from classifier.training import looks
from classifier.training.dataset import DataError
from classifier.training.ending import ended


def held_out(bundle: Path, data: Path, sources: Iterable[str]) -> dict[str, list[tuple[Path, str]]]:
    """Photos of the bundle's hold-out of these sources, each with its label.

    Sources: catalogue, small (native 60x80) and phone show a category, unknown something else.
    Raises DataError when there is none of them, or one is not where it should be.
    """
    listed = bundle / "holdout.txt"
    found: dict[str, list[tuple[Path, str]]] = {}
    for line in listed.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            source, label, path = line.split("\t")
            found.setdefault(source, []).append((data / path, label))
    wanted = {source: found[source] for source in sources if source in found}
    if not wanted:
        raise DataError(f"{listed} lists no such photos; its sources: {', '.join(sorted(found))}")
    for photo, _ in (one for photos in wanted.values() for one in photos):
        if not photo.is_file():
            raise DataError(f"{photo} is missing: give the folder that {listed} is relative to")
    return wanted


def link(photos: Sequence[tuple[Path, str]], folder: Path) -> int:
    """Make folder/<label>/<photo> links, in a new folder; returns how many."""
    folder.mkdir(parents=True)
    for path, label in photos:
        (folder / label).mkdir(parents=True, exist_ok=True)
        (folder / label / path.name).symlink_to(path.resolve())
    return len(photos)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 1 with one line if the folder cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m classifier.training.holdout")
    parser.add_argument("data", type=Path, help="the folder that holdout.txt is relative to")
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("--bundle", type=Path, default=Path("models/fashion"))
    parser.add_argument("--source", default="catalogue")
    chosen = parser.parse_args(arguments)

    def linked() -> None:
        photos = held_out(chosen.bundle, chosen.data, [chosen.source])
        print(f"{link(photos[chosen.source], chosen.out)} photos in {chosen.out}")
        looks.noted(chosen.bundle, "holdout")

    return ended("holdout", linked)


if __name__ == "__main__":
    sys.exit(main())
