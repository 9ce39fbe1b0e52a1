"""How a person's browser or spreadsheet reaches a filed photo, by the setting [links]."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from daemon.records import as_text

# Nothing but these is ever made a link: a report is opened by people who trust it.
_SCHEME = re.compile(r"(https?|file|smb|ftp)://", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def link(base: str | None, path: str) -> str | None:
    r"""The address of `path` (relative, as in the store) below `base`, such as `\\box\photos`.

    None where no base is set, or it is no address that a browser opens.
    """
    if base is None:
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
    if "#" in base + path or as_text(path) != path:
        return None
    is_file = base.startswith(("\\\\", "/")) or _DRIVE.match(base)
    return f"external:{shown(base, '', path)}" if is_file else None


def shown(base: str | None, root: str, path: str) -> str:
    """The place as people read it: below `base` where that is set, else on the server."""
    separator = "\\" if base and "\\" in base else "/"
    return (base or root).rstrip("/\\") + separator + path.replace("/", separator)
