"""The state folder and the three that people know: who owns them, and as what they were adopted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from config.errors import ConfigError, FolderUnavailable, RefusedError
from config.settings import Settings
from daemon.domain.clock import Clock
from daemon.folders.locks import hold, prepare
from daemon.folders.presence import Presence, SavedPresence, instance_of
from daemon.maintenance.backups import Backups
from daemon.maintenance.repair import heal, suspecting
from daemon.sorting.version_copies import bring_versions_back, copy_versions
from daemon.sorting.versions import Versions
from daemon.store import Store
from daemon.store.facts import PRESENCE, UNFETCHED


@contextmanager
def owned(settings: Settings, clock: Clock, *, is_being_rescued: bool = False) -> Iterator[Store]:
    """Own the state folder and its database, mended if need be, until the end of the block.

    is_being_rescued: also while files are still to come from the bucket. Raises ConfigError, or
    RefusedError for a folder of somebody else's.
    """
    _require_folders(settings)
    with hold(settings.state_dir), suspecting(settings.state_dir):
        heal(Backups.from_settings(settings), clock.now(), lambda: instance_of(folders(settings)))
        with closing(Store(settings.state_dir)) as store:
            if not is_being_rescued:
                _require_fetched(store)
            versions = Versions(settings.state_dir)
            bring_versions_back(store, versions)
            copy_versions(store, versions)
            yield store


def _require_folders(settings: Settings) -> None:
    if settings.is_office:
        raise ConfigError(
            "these settings are a head office's ([fleet] alone), which sorts nothing; "
            "to sort photos name incoming_dir, sorted_dir and results_dir"
        )


@contextmanager
def adopted(settings: Settings, clock: Clock) -> Iterator[Store]:
    """As `owned`, with all folders there, made or adopted as at a first start; for a rescue.

    Raises FolderUnavailable too, where one is not there.
    """
    rescued = owned(settings, clock, is_being_rescued=True)
    with rescued as store, watched(settings) as presence:
        presence.adopt()
        if absent := presence.check():
            raise FolderUnavailable("; ".join(absent.values()))
        yield store


@contextmanager
def watched(settings: Settings) -> Iterator[Presence]:
    """See whether the folders are those that were adopted, until the end of the `with` block."""
    with closing(Presence(folders(settings), _PresenceFacts(settings.state_dir))) as presence:
        yield presence


def folders(settings: Settings) -> dict[str, Path]:
    """The folders that people know, by name."""
    return {
        "incoming": settings.incoming_dir,
        "sorted": settings.sorted_dir,
        "results": settings.results_dir,
    }


def adopt_folders(settings: Settings) -> None:
    """Accept the folders as they are now, beside a running service or without one.

    Raises ConfigError that names what cannot be accepted, RefusedError for another's state folder.
    """
    prepare(settings.state_dir)
    with closing(Store(settings.state_dir)), watched(settings) as presence:
        presence.adopt(force=True)


def _require_fetched(store: Store) -> None:
    """Photos that are not back yet would be taken for ones that people removed."""
    if store.facts.get(UNFETCHED):
        raise RefusedError(
            "files are still to be brought back from the mirror; go on with: nightsort restore "
            "--from-mirror; or do without them, by: nightsort restore FILE (see: nightsort backup "
            "--list)"
        )


def end_at_once(state_dir: Path, code: int) -> None:
    """End this process although a thread hangs; no photo is blamed for what it had in hand."""
    with suppress(Exception), closing(Store(state_dir)) as store:
        store.queue.return_claimed(None)
    os._exit(code)


class _PresenceFacts:
    """Keeps in the store what the folders were adopted as; for any thread."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def load_presence(self) -> SavedPresence | None:
        """What was saved, None at the first start."""
        with closing(Store(self._state_dir, reading=True)) as store:
            saved: SavedPresence | None = store.facts.get(PRESENCE)
        return saved

    def save_presence(self, presence: SavedPresence) -> None:
        """Remember it."""
        with closing(Store(self._state_dir)) as store:
            store.facts.remember(PRESENCE, presence)
