"""Names for filed photos: kept as they came wherever they are legal, made legal where not.

Legal means: can be opened from Windows, macOS and Linux, over SMB and NFS, on every usual disk.
Pure functions; whether a name is free is `daemon.sorting.filer`'s business.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from daemon.folders.own_files import PRIVATE_PREFIX

# The limit, in bytes, of ext4, XFS, btrfs, ZFS and Samba; Windows counts 255 UTF-16 units, which
# never are more than the bytes.
NAME_BYTES = 255

REVIEW = "_review"
DUPLICATES = "_duplicates"
QUARANTINE = "_quarantine"
RETAKE = "_retake"

LONGEST_LABEL = 100

# Windows forbids these; the last group turns the direction of writing ("gpj.exe" shown as
# "exe.jpg"), and U+2028 and U+2029 are line ends.
_FORBIDDEN = re.compile(
    '[<>:"/\\\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]'
)
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE
)
# What is longer is no extension but a dot in the middle of a name.
_EXTENSION_BYTES = 16


def safe_name(original: str, limit: int = NAME_BYTES) -> str:
    """`original` itself when that is a legal file name, else the legal name nearest to it.

    limit: longest name in bytes; the extension is kept when a name is cut. Idempotent.
    """
    name = _legal(original)
    if name.casefold().startswith(PRIVATE_PREFIX):
        name = "_" + name  # or it would pass for one of our own working files
    return _fit(name, limit)


def safe_folder(category: str) -> str:
    """The folder of a category: one legal name, never one that nightsort uses itself."""
    name = _legal(category)
    if name.startswith(".") or compare_key(name) in (REVIEW, DUPLICATES, QUARANTINE, RETAKE):
        name = "_" + name
    return _cut(name, NAME_BYTES)


def label_problem(label: str) -> str:
    """Why nothing can be called so that photos are filed into, in a sentence; "" where it can."""
    if not label.strip() or len(label) > LONGEST_LABEL or not label.isprintable():
        return f"a category's name has 1 to {LONGEST_LABEL} characters in one line"
    if label.startswith("_"):
        return "folders whose names begin with _ are skipped"
    if safe_folder(label) != label:
        return f"no folder can be called so; it could be {safe_folder(label).lstrip('_')!r}"
    return ""


def numbered(name: str, number: int, limit: int = NAME_BYTES) -> str:
    """`name` told apart from its twins: "shirt.jpg" and 2 give "shirt (2).jpg"."""
    return _fit(name, limit, f" ({number})")


def with_suffix(name: str, suffix: str, limit: int = NAME_BYTES) -> str:
    """`name` and `suffix`, `name` cut where both together are too long.

    What is cut gets a mark of the whole name: two names that begin alike stay two.
    """
    if len(name.encode()) + len(suffix.encode()) <= limit:
        return name + suffix
    mark = f"~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return _cut(name, limit - len(mark) - len(suffix.encode())) + mark + suffix


def plain_name(number: int, name: str) -> str:
    """A name that any disk takes, for the one in a million that a disk refuses."""
    extension = name.rpartition(".")[2].lower()
    plain = extension.isascii() and extension.isalnum() and len(extension) <= 5
    return f"photo-{number}.{extension}" if plain else f"photo-{number}"


def is_plain(name: str) -> bool:
    """Whether `name` comes from `plain_name`, numbered or not."""
    return re.fullmatch(r"photo-\d+( \(\d+\))?(\.[a-z0-9]{1,5})?", name) is not None


def compare_key(name: str) -> str:
    """Equal for names that some disk or client takes for the same: case and composition apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _legal(original: str) -> str:
    # Undecodable bytes first: composition must not see them, nor must what comes of them change.
    name = unicodedata.normalize("NFC", _FORBIDDEN.sub("_", original)).rstrip(" .")
    if _RESERVED.match(name):
        name = "_" + name
    return name or "_"


def _fit(name: str, limit: int, mark: str = "") -> str:
    """`name` with `mark` before its extension, within `limit` bytes."""
    stem, dot, extension = name.rpartition(".")
    if not stem or " " in extension or len(extension.encode()) > _EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    room = limit - len(f"{mark}{dot}{extension}".encode())
    return _cut(stem, room) + mark + dot + extension


def _cut(text: str, size_bytes: int) -> str:
    """The start of `text` that fits, never half a character, nor an end that Windows drops."""
    encoded = text.encode()
    if len(encoded) <= size_bytes:
        return text
    return encoded[:size_bytes].decode(errors="ignore").rstrip(" .") or "_"
