"""The errors of nightsort: what happened; `daemon.domain.failures` alone says what follows.

    NightsortError
    ├─ ConfigError, ModelError          stop: `run` exits 78, systemd must not restart
    ├─ RefusedError                     not here and now: another daemon, another user
    ├─ NamedWrongly                     a command was given what it cannot work on: exits 2
    ├─ StoreDamaged                     end with 1: the next start mends it, so systemd may restart
    ├─ PhotoError                       this one photo cannot be classified: quarantine it, carry on
    └─ TransientError                   the surroundings fail: give the photo back, wait, alert once
       ├─ DiskFull, FolderUnavailable, FolderRefused, SelfTestFailed
       └─ PhotoBusy                    not the surroundings: this one file is in use, others are not

Every message is one line that says what is wrong, where, and what the reader can do.
"""

from __future__ import annotations

from enum import StrEnum


class NightsortError(Exception):
    """Base of all errors that nightsort raises on purpose; `str()` of it is fit for people."""


class ConfigError(NightsortError):
    """The settings cannot be used; the message names every problem, one a line."""


class ModelError(NightsortError):
    """The model bundle is missing, damaged, or disagrees with its card."""


class RefusedError(NightsortError):
    """A command that must not go ahead: the state folder is another user's or in use."""


class NamedWrongly(NightsortError):
    """What a command was given is not there, or not what it takes."""


class StoreDamaged(NightsortError):
    """The database holds what no nightsort wrote: its disk, or somebody, has damaged it."""


class PhotoProblem(StrEnum):
    """Why a file cannot be classified. The values are fixed: results carry them."""

    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    NOT_AN_IMAGE = "not_an_image"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    CRASHES_DECODER = "crashes_decoder"


NO_MEMORY = "there is not enough memory to decode the photo: save it with fewer pixels"


class PhotoError(NightsortError):
    """One file that cannot be classified; its neighbours can."""

    def __init__(self, problem: PhotoProblem, text: str) -> None:
        """`text` is a sentence for a clerk: what is wrong with this file and what to do."""
        super().__init__(text)
        self.problem = problem
        self.text = text


class TransientError(NightsortError):
    """Something around the photo fails for now (disk full, share away): try again later."""


class DiskFull(TransientError):
    """A disk is full, or nearly so, or a quota is used up."""


class FolderUnavailable(TransientError):
    """A folder does not answer as a disk should: share away, mount stale, disk failing."""


class FolderRefused(TransientError):
    """A folder is there but may not be used: no right to write, a link or a file in its place."""


class PhotoBusy(TransientError):
    """Another program holds this one file; its neighbours can be read."""


class SelfTestFailed(TransientError):
    """The model answered as it should when it was loaded, and does not now: sort nothing."""
