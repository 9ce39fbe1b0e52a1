"""Copies of the newest files, under names that do not change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import structlog

from config.errors import TransientError
from daemon.folders.renaming import READ
from daemon.folders.writing import replacing

log = structlog.get_logger()


def copy_as_latest(path: Path, latest: str) -> None:
    """Replace the file called `latest` beside `path` by its copy; a refusal is only logged."""
    try:
        with (
            replacing(path.with_name(latest)) as file,
            os.fdopen(os.open(path, READ), "rb") as newest,
        ):
            shutil.copyfileobj(newest, file)
    except TransientError as exc:
        log.warning("latest_not_replaced", file=latest, why=str(exc))
