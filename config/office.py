"""A head office, which sorts nothing: with `[fleet]` the folders of photos need no names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_OF_PHOTOS = ("incoming_dir", "sorted_dir", "results_dir")
_OF_FLEET = {"postgres", "postgres_credential"}


def unused_folders(state_dir: Path) -> dict[str, Path]:
    """What stands for the folders that it does not have; nothing makes them."""
    return {key: state_dir / "unused" / key.removesuffix("_dir") for key in _OF_PHOTOS}


def with_unused_folders(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings, with names for these folders where they are a head office's."""
    fleet, state_dir = values.get("fleet"), values.get("state_dir")
    reads_fleet = isinstance(fleet, Mapping) and bool(_OF_FLEET & {*fleet})
    if not reads_fleet or {*_OF_PHOTOS} & {*values} or not isinstance(state_dir, str | Path):
        return values
    return {**unused_folders(Path(state_dir)), **values}
