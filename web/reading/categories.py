"""The categories that a person may choose: those that the model in use knows, and those set."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from classifier.bundle import load_bundle
from classifier.version import load_version
from config.errors import ModelError, RefusedError
from config.settings import Settings
from daemon.sorting.versions import Versions


def categories(settings: Settings) -> tuple[str, ...]:
    """All of them, by name. While the model cannot be read: those set only; the daemon knows."""
    try:
        version = Versions(settings.state_dir).file_in_use()
        known = _of(settings.model_dir, version)
    except (ModelError, RefusedError):
        known = ()
    return tuple(sorted({*known, *settings.categories}, key=str.casefold))


@lru_cache(maxsize=8)
def _of(model: Path | None, version: Path | None) -> tuple[str, ...]:
    """Neither bundle nor version is ever written anew under its name."""
    bundle = load_bundle(model)
    if version is None:
        return tuple(bundle.card.categories)
    return tuple(load_version(version, bundle).card.categories)
