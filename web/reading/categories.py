"""The categories that a person may choose: the model's, those set, and those people named anew."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from classifier.bundle import load_bundle
from classifier.classifier import categories_of
from classifier.version import load_version
from config.errors import ModelError, RefusedError
from config.settings import Settings
from daemon.sorting.versions import Versions
from daemon.store import Store


def categories(settings: Settings, store: Store | None = None) -> tuple[str, ...]:
    """All of them, by name. While the model cannot be read: those without it; the daemon knows.

    store: the history, which has those that people named anew.
    """
    known, given_up = judged_into(settings)
    named = frozenset(store.examples.said() if store else ()) - given_up
    return tuple(sorted({*known, *settings.categories, *named}, key=str.casefold))


def judged_into(settings: Settings) -> tuple[tuple[str, ...], frozenset[str]]:
    """What the model in use files into, and what was a category and is none any more."""
    try:
        version = Versions(settings.state_dir).file_in_use()
        return _of(settings.model_dir, version)
    except (ModelError, RefusedError):
        return (), frozenset()


@lru_cache(maxsize=8)
def _of(model: Path | None, version: Path | None) -> tuple[tuple[str, ...], frozenset[str]]:
    """Neither bundle nor version is ever written anew under its name."""
    bundle = load_bundle(model)
    return categories_of(bundle, None if version is None else load_version(version, bundle))
