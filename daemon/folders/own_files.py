"""The names of nightsort's own files, which are never photos.

Working files are hidden, so that neither clerks nor the watcher take them for something of theirs;
notes are for clerks to see.
"""

from __future__ import annotations

import hashlib
import os
import re

from daemon.domain.sorting import Move

PRIVATE_PREFIX = ".nightsort"
# How a file begins that only keeps a name for a photo.
RESERVATION = b"nightsort keeps this name for photo "
NOTE_PREFIX = "nightsort has run "
_NOTE = re.compile(re.escape(NOTE_PREFIX) + r"\d\d-\d\d( \(\d+\))?\.txt")


def is_note(path: str) -> bool:
    """Whether the last part of `path` is a name that a note in incoming has."""
    return _NOTE.fullmatch(path.rpartition("/")[2]) is not None


def _token(move: Move) -> str:
    """Tells this move from one of another box that files into the same folder."""
    print_ = move.fingerprint
    source = f"{move.source}\0{print_.inode}\0{print_.mtime_ns}"
    return hashlib.sha256(os.fsencode(source)).hexdigest()[:12]


def partial_name(move: Move) -> str:
    """Under what name a photo is copied, until it is whole. Found again after a crash.

    It does not depend on the target, so that a whole copy is not lost when the target changes.
    """
    return f"{PRIVATE_PREFIX}-{move.photo_id}-{_token(move)}.part"


def reservation(move: Move) -> bytes:
    """What a file that only keeps a name holds, to tell it from anybody else's after a crash."""
    return RESERVATION + f"{move.photo_id} ({_token(move)}).\n".encode()
