"""Whether a folder is the one that was adopted: what is known of it, and the judgement.

Nothing here touches a folder. `presence` looks, asks `judge`, and acts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from daemon.folders.mount_identity import Home, is_same_folder, on_same_disk
from daemon.folders.own_files import PRIVATE_PREFIX

MARKER = PRIVATE_PREFIX  # the file `.nightsort`: all our other names go on after that
ADOPT = "if this change is meant, run: nightsort doctor --adopt"
# Photos are copied from a read-only share, and stay there.
READ_ONLY_IS_FINE = frozenset({"incoming"})

Step = Literal["use", "mark"]


@dataclass(frozen=True, slots=True)
class Folder:
    """One of the folders, as it is now."""

    home: Home
    device: int  # the number that its mount has until it is unmounted
    marker: str | None  # what the marker file holds; None: there is none
    is_writable: bool


@dataclass(frozen=True, slots=True)
class Adopted:
    """One of the folders, as it was adopted."""

    home: Home
    has_marker: bool  # False where none could be written


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose folder it is, by its marker."""

    instance: str
    folder: str  # incoming, sorted or results


class UnavailableError(Exception):
    """A folder that cannot be used now; the message says why, and what a person can do."""


class ForbiddenError(UnavailableError):
    """A folder that cannot be made or written: no waiting helps."""


def marker_text(owner: Owner) -> str:
    """What a marker holds, for `owner_of` and for a person who finds it."""
    facts = {
        "instance": owner.instance,
        "folder": owner.folder,
        "note": "nightsort knows its folder by this file; leave it here",
    }
    return json.dumps(facts) + "\n"


def owner_of(marker: str | None) -> Owner | None:
    """Who wrote a marker; None when there is none, or no nightsort wrote it."""
    try:
        facts = json.loads(marker or "")
        instance, folder = facts["instance"], facts["folder"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (
        Owner(instance, folder) if isinstance(instance, str) and isinstance(folder, str) else None
    )


def judge(label: str, me: Owner, adopted: Adopted | None, folder: Folder) -> Step:
    """Whether `folder` may be used as it is, or after its marker is written.

    label: how people know the folder, for the message. me: whose it should be. adopted: None when
    it was never adopted. Raises UnavailableError when it must not be touched.
    """
    owner = owner_of(folder.marker)
    if owner is not None:
        _require_own(label, me, owner)
    step: Step = "use" if owner else "mark"
    if adopted is None:
        if folder.marker is not None and owner is None:
            raise UnavailableError(
                f"{label} holds a file {MARKER} that no nightsort wrote; move it elsewhere"
            )
    elif not on_same_disk(adopted.home, folder.home):
        raise UnavailableError(
            f"{label} lies on {folder.home} now, but was adopted on {adopted.home}; mount that "
            f"again, or {ADOPT}"
        )
    elif owner is None:
        step = _without_marker(label, adopted, folder)
    if not folder.is_writable and me.folder not in READ_ONLY_IS_FINE:
        raise ForbiddenError(
            f"{label} may not be written; give the user nightsort runs as the right to, and check "
            "that it is not mounted read-only"
        )
    return step


def _require_own(label: str, me: Owner, owner: Owner) -> None:
    if owner.instance != me.instance:
        raise UnavailableError(
            f"{label} belongs to another nightsort ({owner.instance[:8]}, this one is "
            f"{me.instance[:8]}); give each folders of its own, or, if that other one is gone for "
            "good, run: nightsort doctor --adopt"
        )
    if owner.folder != me.folder:
        raise UnavailableError(
            f"{label} was adopted as {owner.folder}_dir; correct the settings, or {ADOPT}"
        )


def _without_marker(label: str, adopted: Adopted, folder: Folder) -> Step:
    if not adopted.has_marker and adopted.home.inner == folder.home.inner:
        return "use"
    if is_same_folder(adopted.home, folder.home):
        return "mark"
    raise UnavailableError(
        f"{label} is not the folder that was adopted: its file {MARKER} is missing; mount the "
        f"right one there, or {ADOPT}"
    )
