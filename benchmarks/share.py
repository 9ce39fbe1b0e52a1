"""A share to measure with: folders and settings of its own, brought back to its start each time."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.photos import Kind, put

_SETTINGS = """\
incoming_dir = "{root}/incoming"
sorted_dir = "{root}/sorted"
results_dir = "{root}/results"
state_dir = "{root}/state"
[window]
mode = "{mode}"
[intake]
settle_seconds = {settle_seconds}
look_ahead = {look_ahead}
look_ahead_share = 1
"""


@dataclass(frozen=True, slots=True)
class Share:
    """Incoming, sorted, results and state of one instance, below one folder."""

    root: Path

    @property
    def incoming(self) -> Path:
        """Where photos are dropped."""
        return self.root / "incoming"

    @property
    def state(self) -> Path:
        """Where the database and the status are."""
        return self.root / "state"

    def configure(
        self, mode: str, settle_seconds: float = 0.1, *, look_ahead: bool = False
    ) -> Path:
        """Write the settings; returns their file. look_ahead: else a run judges all it files."""
        self.incoming.mkdir(parents=True, exist_ok=True)
        settings = self.root / "nightsort.toml"
        settings.write_text(
            _SETTINGS.format(
                root=self.root,
                mode=mode,
                settle_seconds=settle_seconds,
                look_ahead=str(look_ahead).lower(),
            )
        )
        return settings

    def fill(self, kind: Kind, count: int) -> None:
        """Let incoming hold `count` photos of a kind, as at the start, all in the page cache."""
        self.reset()
        stamp = self.root / "photos.json"
        wanted = json.dumps({"kind": asdict(kind), "count": count})
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(self.incoming, ignore_errors=True)
            put(kind, count, self.incoming)
            stamp.write_text(wanted)
        for photo in self.incoming.iterdir():
            photo.read_bytes()

    def reset(self) -> None:
        """Bring filed photos back to incoming, and forget all that was recorded of them.

        So photos are written once, and no round waits for the writing of the one before.
        """
        for photo in (self.root / "sorted").rglob("*.jpg"):
            photo.rename(self.incoming / photo.name)
        for folder in ("sorted", "results", "state"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        (self.incoming / ".nightsort").unlink(missing_ok=True)
