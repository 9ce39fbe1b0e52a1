"""Files in the page's spool, as the daemon reads them: hostile ground, as the share is.

The spool belongs to the page's own user. What lies in it is read, and neither moved nor removed;
no link in it is followed, also no hard one, lest the page have us read for it what it may not.
"""

from __future__ import annotations

import os

from config.errors import PhotoError, PhotoProblem
from daemon.folders.tree import Tree

# Below the state folder.
SPOOL = "web/spool"


def open_spooled(state: Tree, spooled: str) -> int:
    """A descriptor of a file in the spool; the caller closes it.

    spooled: as `SentFile.spooled`. Raises PhotoError where it is not there, or not the page's to
    send; TransientError while the state folder does not answer.
    """
    try:
        descriptor = state.open_file(f"{SPOOL}/{spooled}")
    except FileNotFoundError as exc:
        raise PhotoError(
            PhotoProblem.UNREADABLE, "It was gone before it could be taken; send it again."
        ) from exc
    if os.fstat(descriptor).st_nlink != 1:
        os.close(descriptor)
        raise PhotoError(PhotoProblem.UNREADABLE, "It has a second name, which no upload has.")
    return descriptor


def read_spooled(state: Tree, spooled: str, most_bytes: int) -> bytes:
    """The bytes of a photo in the spool. Raises PhotoError, also where there are more of them."""
    with os.fdopen(open_spooled(state, spooled), "rb") as file:
        try:
            data = file.read(most_bytes + 1)
        except OSError as exc:
            raise PhotoError(
                PhotoProblem.UNREADABLE, f"What was sent cannot be read ({exc.strerror})."
            ) from exc
    if len(data) > most_bytes:
        raise too_large(most_bytes)
    return data


def too_large(most_bytes: int) -> PhotoError:
    """The refusal of a photo with more bytes than one may have."""
    return PhotoError(
        PhotoProblem.TOO_LARGE,
        f"The file is larger than the {most_bytes / 1e6:.0f} MB that are allowed.",
    )
