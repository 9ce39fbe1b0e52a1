"""Text files as people's editors save them: with or without a byte order mark, in any Unicode.

Windows' Notepad has saved "Unicode" (UTF-16) and "UTF-8 with BOM", PowerShell's `>` writes UTF-16.
What is no Unicode is refused: which code page it is in would be a guess.
"""

from __future__ import annotations

import codecs
from pathlib import Path

# UTF-32 before UTF-16: its little-endian mark begins with the other's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_text(path: Path, errors: str = "strict") -> str:
    """The text of a file, its lines ended by line feeds. Raises OSError, UnicodeDecodeError."""
    return text_of(path.read_bytes(), errors)


def text_of(data: bytes, errors: str = "strict") -> str:
    """The text in `data`, its lines ended by line feeds. Raises UnicodeDecodeError."""
    mark, encoding = next(
        (found for found in _MARKS if data.startswith(found[0])), (b"", _unmarked(data))
    )
    text = data[len(mark) :].decode(encoding, errors)
    # An old DOS editor ends a file with Ctrl-Z.
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")


def _unmarked(data: bytes) -> str:
    """UTF-16 without its mark shows by its zeros: settings begin with plain letters."""
    if data[1:2] == b"\0" and data[:1] != b"\0":
        return "utf-16-le"
    return "utf-16-be" if data[:1] == b"\0" and data[1:2] not in (b"\0", b"") else "utf-8"
