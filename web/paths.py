"""Which addresses are pages and which the API's; where a sign-in may lead. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PAGES = frozenset({"/", "/login", "/logout", "/review", "/station", "/find", "/docs"})
# Of these the page has one method, the API the others.
_SHOWN = frozenset({"/upload"})


def is_page(path: str, method: str = "GET") -> bool:
    """Whether people look at this address; all others answer JSON, whatever happens."""
    shown = path in _SHOWN and method in ("GET", "HEAD")
    return path in _PAGES or path.startswith("/page/") or shown


def path_in(scope: Mapping[str, Any]) -> str:
    """The path of a request below the place where the page begins."""
    path: str = scope["path"]
    return path.removeprefix(scope["root_path"]) or "/"


def local(path: str) -> str:
    """Where to go after signing in: `path` where it is one of ours, else the first page.

    Browsers take two slashes, also backward ones or with tabs between, for another place.
    """
    is_ours = re.fullmatch(r"/(?![/\\])[^\\\x00-\x20\x7f]*", path) is not None
    return path if is_ours and len(path) <= 1000 and not path.startswith("/log") else "/"
