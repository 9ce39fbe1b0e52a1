"""Which names ask for a run: RUN NOW, whatever extensions an editor or Windows hung behind it."""

from __future__ import annotations

import mimetypes
import re
import unicodedata

from daemon.domain.photo_names import has_photo_extension

# Windows hides what it knows: who types "RUN NOW.txt" there may make a "RUN NOW.txt.txt".
_NAME = re.compile(r"run now(\.[^.\n]*)*")
_ARCHIVE = re.compile(r"\.(tar|gz|bz2|xz|zst|zip|7z|rar)$")


def is_request_name(name: str) -> bool:
    """Whether this is RUN NOW in any case, with any extensions that are no image's or archive's."""
    plain = unicodedata.normalize("NFC", name).casefold()
    kind = mimetypes.guess_type(name)[0] or ""
    is_image = has_photo_extension(name) or kind.startswith("image/")
    is_packed = plain.count(".") > 1 and _ARCHIVE.search(plain) is not None
    return _NAME.fullmatch(plain) is not None and not (is_image or is_packed)
