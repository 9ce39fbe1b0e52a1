"""Which names in incoming may be photos; nothing here opens a file.

Owns what the setting `ignore` means. Names are compared composed
(NFC) and without case, because shares and macOS write the same name in several ways.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable

from daemon.domain.photo_names import has_photo_extension, may_be_photo
from daemon.folders.own_files import PRIVATE_PREFIX


class Screening:
    """The administrator's junk list, and the names that nightsort keeps for itself."""

    def __init__(self, ignore: Iterable[str]) -> None:
        """`ignore` holds shell patterns, each for one file or folder name."""
        patterns = [fnmatch.translate(_plain(pattern)) for pattern in ignore]
        # An empty list of alternatives would match everything; \Z. matches nothing.
        self._junk = re.compile("|".join(patterns) or r"\Z.")

    def is_junk(self, path: str) -> bool:
        """Whether the last part of `path`, a file or a folder, is never of interest."""
        name = _plain(path.rpartition("/")[2])
        return is_private(path) or self._junk.match(name) is not None

    def may_be_photo(self, path: str) -> bool:
        """Whether the last part of `path` may be a photo by its name, and is no junk."""
        return may_be_photo(path) and not self.is_junk(path)

    def is_photo(self, path: str) -> bool:
        """Whether the last part of `path` is named like a photo and is no junk."""
        return has_photo_extension(path) and not self.is_junk(path)


def is_private(path: str) -> bool:
    """Whether the last part of `path` is a name that nightsort keeps for itself."""
    return _plain(path.rpartition("/")[2]).startswith(PRIVATE_PREFIX)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
