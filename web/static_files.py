"""The files of the page: from the package alone, kept by browsers while they are the same.

Their addresses name the version of them all, `/page/static/v0123456789ab/review/main.js`: so what a
script imports beside it, by a relative address, is of the same version.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from functools import lru_cache
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
_VERSION = re.compile(r"^v[0-9a-f]{12}/")
# Source: RFC 9110, 12.4.2: not acceptable.
_REFUSED = re.compile(r"q\s*=\s*0(\.0*)?")

_packed: dict[str, bytes] = {}  # the same files compressed, by where they are


@lru_cache(maxsize=1)
def version() -> str:
    """Changes when any of the files does, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for file in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(STATIC)}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return f"v{digest.hexdigest()[:12]}"


def pack() -> None:
    """Compress them once, which takes a tenth of a second; until then they are sent as they are."""
    version()  # of the same moment: what is kept for ever must be what its address says
    for file in (path for path in STATIC.rglob("*") if path.is_file()):
        _packed[os.path.realpath(file)] = gzip.compress(file.read_bytes(), mtime=0)


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
        """As Starlette's; compressed where that is taken, to be kept where it says the version."""
        asked, content = Headers(scope=scope), _packed.get(os.fspath(full_path))
        if content is not None and _takes_gzip(asked):
            response = _compressed(content, guess_type(full_path)[0])
            if self.is_not_modified(response.headers, asked):
                response = NotModifiedResponse(response.headers)
        else:
            response = super().file_response(full_path, stat_result, scope, status_code, *more)
        response.headers["Vary"] = "Accept-Encoding"
        if f"/page/static/{version()}/" in scope["path"]:
            response.headers["Cache-Control"] = _FOR_EVER
        return response


def _takes_gzip(asked: Headers) -> bool:
    codings = (one.partition(";") for one in asked.get("accept-encoding", "").lower().split(","))
    return any(
        name.strip() == "gzip" and not _REFUSED.fullmatch(weight.strip())
        for name, _, weight in codings
    )


def _compressed(content: bytes, kind: str | None) -> Response:
    """Under a tag of its own: these are other bytes. Source: RFC 9110, 8.8.3.3."""
    headers = {"Content-Encoding": "gzip", "ETag": f'"{version()}-gzip"'}
    return Response(content, headers=headers, media_type=kind)
