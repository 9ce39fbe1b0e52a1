"""What learnt versions know of photos that are forgotten: what is taken out, and what stays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from classifier.version import knows_any, strip_photos
from config.errors import ModelError, NightsortError
from daemon.domain.forgetting import Remains
from daemon.folders.os_errors import trouble
from daemon.sorting.versions import Versions
from daemon.store import Store


def strip_versions(store: Store, state_dir: Path) -> None:
    """Take digests of photos out of cards that were written when cards had them.

    In the files, and in their copies in the database. Raises TransientError when the disk refuses.
    """
    for name, path in _files(state_dir):
        try:
            with suppress(ModelError):  # a damaged one is nobody's, and goes with its age
                if strip_photos(path):
                    store.version_copies.renew(name, path.read_bytes())
        except OSError as exc:
            raise trouble(exc, str(path)) from exc


def that_learnt(state_dir: Path, hashes: Collection[str]) -> Iterable[Remains]:
    """The versions that learnt from photos of these bytes."""
    for name, path in _files(state_dir):
        with suppress(ModelError):
            if knows_any(path, hashes):
                yield Remains(
                    "version",
                    f"{name}: what it learnt, and the beginning of a digest by which it knows so",
                    "[learning] keep_versions newer ones are there; nightsort learn makes one that "
                    "never saw it",
                )


def _files(state_dir: Path) -> Iterator[tuple[str, Path]]:
    versions = Versions(state_dir)
    with suppress(NightsortError):  # one that is removed meanwhile, or a folder of somebody else
        for name in versions.names():
            yield name, versions.file(name)
