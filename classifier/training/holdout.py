"""A folder for `nightsort evaluate` from a bundle's hold-out: links, no copies.

python -m classifier.training.holdout DATA eval/ [--bundle models/fashion] [--source catalogue]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def held_out(bundle: Path, data: Path) -> dict[str, list[tuple[Path, str]]]:
    """Photos of the bundle's hold-out by source, each with its label.

    Sources: catalogue, small (native 60x80) and phone show a category, unknown something else.
    """
    found: dict[str, list[tuple[Path, str]]] = {}
    for line in (bundle / "holdout.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            source, label, path = line.split("\t")
            found.setdefault(source, []).append((data / path, label))
    return found


def link(photos: Sequence[tuple[Path, str]], folder: Path) -> int:
    """Make folder/<label>/<photo> links; returns how many."""
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
    try:
        made = link(held_out(chosen.bundle, chosen.data).get(chosen.source, []), chosen.out)
    except (OSError, ValueError) as exc:
        print(f"holdout: {exc}", file=sys.stderr)
        return 1
    print(f"{made} photos in {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
