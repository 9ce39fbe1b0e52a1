"""Files that wait for the daemon to take them: whole, under names of our own, gone with the answer.

The daemon may read them, as a member of the group; nobody else may. What a process that was killed
leaves is cleared away at the next start (`web.folder`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from config.errors import DiskFull
from web.reading.sending import LONGEST_NAME, SPOOL, SentFile
from web.site import Site
from web.uploads import name_of

_COPY_BYTES = 1 << 20


@asynccontextmanager
async def waiting(site: Site, files: Sequence[UploadFile]) -> AsyncIterator[list[SentFile]]:
    """Have them lie in the spool until the end of the `with` block.

    They take the place of what was received, which is empty then. Raises DiskFull.
    """
    folder = site.settings.state_dir / SPOOL / secrets.token_hex(16)
    try:
        yield await run_in_threadpool(_written, folder, files)
    finally:
        clear = run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
        await asyncio.shield(clear)  # also when whoever sent it has gone


def _written(folder: Path, files: Sequence[UploadFile]) -> list[SentFile]:
    try:
        folder.mkdir(mode=0o750, parents=True)
        for number, file in enumerate(files):
            _write(folder / str(number), file)
    except OSError as exc:
        raise DiskFull(
            "state_dir/web: what was sent cannot be kept; free some space there"
        ) from exc
    return [
        SentFile(f"{folder.name}/{number}", name_of(file)[-LONGEST_NAME:])
        for number, file in enumerate(files)
    ]


def _write(target: Path, file: UploadFile) -> None:
    file.file.seek(0)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(file.file, copy, _COPY_BYTES)
    # One after the other, so that the disk holds no more than one of them twice.
    file.file.seek(0)
    file.file.truncate()
