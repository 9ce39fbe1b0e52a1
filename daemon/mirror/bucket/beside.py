"""What is kept beside an object: of which file it is, and what that was before it was stripped."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from daemon.mirror.bucket.reading import Read, Stripped
from daemon.store.bucket_copies import Copy

_ORIGINAL, _ORIGINAL_BYTES = "original-sha256", "original-bytes"


def about_of(copy: Copy, read: Read, made: Stripped | None = None) -> dict[str, str]:
    """What is to be kept beside it. made: what is sent in the file's place."""
    about = {
        "sha256": made.sha256 if made else read.sha256,
        "mtime-ns": str(read.mtime_ns),
        "place": quote(os.fsencode(copy.place)),
        "Content-Type": mimetypes.guess_type(copy.key)[0] or "application/octet-stream",
    }
    if made and made.sha256 != read.sha256:
        about |= {_ORIGINAL: read.sha256, _ORIGINAL_BYTES: str(read.size_bytes)}
    return about


def original_of(about: Mapping[str, str]) -> str:
    """The hash of the file that it was made of; its own where nothing was taken off."""
    return about.get(_ORIGINAL) or about.get("sha256", "")


def hashes_of(about: Mapping[str, str]) -> set[str]:
    """Both, as far as they are said."""
    return {original_of(about), about.get("sha256", "")}


def is_stripped(about: Mapping[str, str]) -> bool:
    """Whether the file had metadata, and it has not."""
    return original_of(about) != about.get("sha256", "")


def original_bytes(about: Mapping[str, str], size_bytes: int) -> int:
    """How large the file was. size_bytes: the object's own size."""
    said = about.get(_ORIGINAL_BYTES, "")
    return int(said) if re.fullmatch(r"\d{1,15}", said) else size_bytes
