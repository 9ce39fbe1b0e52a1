"""The files of the page: from the package alone, kept by browsers while they are the same.

Their addresses name the version of them all, `/page/static/v0123456789ab/review/main.js`: so what a
script imports beside it, by a relative address, is of the same version.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
_VERSION = re.compile(r"^v[0-9a-f]{12}/")


@lru_cache(maxsize=1)
def version() -> str:
    """Changes when any of the files does, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for file in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(STATIC)}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return f"v{digest.hexdigest()[:12]}"


class OwnFiles(StaticFiles):
    """Files whose address may name their version."""

    def get_path(self, scope: Scope) -> str:
        """As Starlette's, without the version."""
        return _VERSION.sub("", super().get_path(scope), count=1)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
        *more: Any,
    ) -> Response:
        """As Starlette's; to be kept where the address says which version it is."""
        response = super().file_response(full_path, stat_result, scope, status_code, *more)
        if f"/page/static/{version()}/" in scope["path"]:
            response.headers["Cache-Control"] = _FOR_EVER
        return response
