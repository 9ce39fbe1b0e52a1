"""The files of the page: from the package alone, kept by browsers while they are the same."""

from __future__ import annotations

import os
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOR_EVER = "public, max-age=31536000, immutable"


class OwnFiles(StaticFiles):
    """Files whose address names their version."""

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
        if scope["query_string"].startswith(b"v="):
            response.headers["Cache-Control"] = _FOR_EVER
        return response
