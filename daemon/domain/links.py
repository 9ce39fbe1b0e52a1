"""How a person's browser or spreadsheet reaches a filed photo, by the setting [links]."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from daemon.domain.photos import as_text

# Nothing but these is ever made a link: a report is opened by people who trust it.
_SCHEME = re.compile(r"(https?|file|smb|ftp)://", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_LOOKS_ESCAPED = re.compile("%[0-9a-fA-F]{2}")
# Windows opens no longer path from a browser or from Excel; other systems have no such limit.
_LONGEST_ON_WINDOWS = 259
# What Excel escapes in a link, as XlsxWriter does.
_AS_EXCEL = {ord(letter): f"%{ord(letter):02x}" for letter in '%" <>[]^`{}'}


def link(base: str | None, path: str) -> str | None:
    r"""The address of `path` (relative, as in the store) below `base`, such as `\\box\photos`.

    None where no base is set, or it is no address that a browser opens, or too long for Windows.
    """
    if base is None or _is_too_long(base, path):
        return None
    tail = "/".join(quote(os.fsencode(part), safe="") for part in path.split("/"))
    if base.startswith(("\\\\", "//")):  # a Windows share: \\box\photos
        inside = quote(base.replace("\\", "/").strip("/"), safe="/:")
        return f"file://{inside}/{tail}"
    if _DRIVE.match(base):  # a Windows drive: S:\photos
        inside = quote(base.replace("\\", "/").rstrip("/"), safe="/:")
        return f"file:///{inside}/{tail}"
    if base.startswith("/"):
        return f"file://{quote(base.rstrip('/'), safe='/')}/{tail}"
    return f"{base.rstrip('/')}/{tail}" if _SCHEME.match(base) else None


def excel_link(base: str | None, path: str) -> str | None:
    """As `link`, in the form that XlsxWriter takes; None where Excel could not open it."""
    if base is None:
        return None
    if _SCHEME.match(base):
        return link(base, path)
    # Excel takes what follows a # for a place in the file.
    if "#" in base + path or as_text(path) != path or _is_too_long(base, path):
        return None
    if not (base.startswith(("\\\\", "/")) or _DRIVE.match(base)):
        return None
    address = shown(base, "", path)
    # XlsxWriter leaves alone what looks escaped: a name that holds "%20" is not, so we escape it.
    return f"external:{address.translate(_AS_EXCEL) if _LOOKS_ESCAPED.search(address) else address}"


def _is_too_long(base: str, path: str) -> bool:
    is_on_windows = base.startswith(("\\\\", "//")) or _DRIVE.match(base) is not None
    # As Windows counts: a character beyond the first 65,536 is two.
    return is_on_windows and len(shown(base, "", path).encode("utf-16-le", "replace")) > (
        2 * _LONGEST_ON_WINDOWS
    )


def shown(base: str | None, root: str, path: str) -> str:
    """The place as people read it: below `base` where that is set, else on the server."""
    separator = "\\" if base and "\\" in base else "/"
    return (base or root).rstrip("/\\") + separator + path.replace("/", separator)
