"""Which file names are photos' names; nothing here opens a file.

A name without an extension says nothing: there the content decides.
"""

from __future__ import annotations

import re

# All that the decoders read, under every extension that cameras, phones and browsers give it.
PHOTO_EXTENSIONS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".mpo"),
        *(".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
        *(".avif", ".avifs", ".heic", ".heif", ".hif", ".heics", ".heifs"),
    }
)
# What lies beside a photo and belongs to it: edits of a phone, a raw converter, a camera's index.
_SIDECARS = frozenset({".aae", ".xmp", ".thm", ".ctg", ".pp3", ".dop", ".on1", ".cos"})
# After the last dot: letters, and digits behind them. "at 10.44.55" ends in no extension.
_EXTENSION = re.compile(r"\.[^\W\d_][^\W_]{0,9}$")
_RUN_NOW = re.compile(r"run now\.?", re.IGNORECASE)  # a request: see `daemon.domain.request_names`


def has_photo_extension(path: str) -> bool:
    """Whether `path` ends like a photo's name."""
    return _extension(path) in PHOTO_EXTENSIONS


def may_be_photo(path: str) -> bool:
    """Whether by the name of `path` it may be a photo: only its content can say that it is none."""
    return has_photo_extension(path) or is_nameless_kind(path)


def is_nameless_kind(path: str) -> bool:
    """Whether the name of `path` does not say what kind of file it is."""
    name = path.rpartition("/")[2]
    return bool(name) and not _extension(path) and not _RUN_NOW.fullmatch(name)


def is_sidecar(path: str) -> bool:
    """Whether `path` is named like what programs lay beside a photo."""
    return _extension(path) in _SIDECARS


def _extension(path: str) -> str:
    name = path.rpartition("/")[2]
    found = _EXTENSION.search(name)
    return found[0].lower() if found and found.start() else ""
