"""What people and programs send, for page and API alike: photos for incoming, and examples."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Sequence
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from config.errors import PhotoError, PhotoProblem
from web.problems import Problem
from web.reading.sending import (
    ExamplesAnswer,
    NotTaken,
    ReceivedAnswer,
    into_incoming,
    label_problem,
    require_daemon,
    teach,
)
from web.roles import Caller
from web.site import Site
from web.spool import waiting
from web.uploads import name_of, photo_bytes

# A photo that gives a picture of this size can be read.
_SMALL_SIDE = 64


def require_open(site: Site) -> None:
    """Raise Problem 503 while the daemon is down: to be asked before the body is read."""
    require_daemon(site.settings.state_dir, "nothing can be taken")


async def take_in(site: Site, by: Caller, files: Sequence[UploadFile]) -> ReceivedAnswer:
    """Put photos into incoming; what is no photo that can be read is refused here already.

    Raises Problem 503 while nothing was taken yet, DiskFull.
    """
    readable: list[UploadFile] = []
    refused: list[NotTaken] = []
    for file in files:
        try:
            await picture(site, file, _SMALL_SIDE)
        except PhotoError as exc:
            refused.append(NotTaken(name_of(file), exc.problem, exc.text))
        else:
            readable.append(file)
    if not readable:
        return ReceivedAnswer((), tuple(refused))
    async with waiting(site, readable) as sent:
        answer = await run_in_threadpool(into_incoming, site.settings.state_dir, sent, by)
    return ReceivedAnswer(answer.received, (*refused, *answer.refused))


async def learn_later(
    site: Site, by: Caller, files: Sequence[UploadFile], label: str
) -> ExamplesAnswer:
    """Keep photos as examples. label: what all show; empty: the one file is a ZIP.

    Raises Problem 400 for a label that cannot be one, 422, 503; DiskFull.
    """
    label = unicodedata.normalize("NFC", label.strip())
    if label and (why := label_problem(label)):
        raise Problem(400, "malformed", f"label: {why}", field="label")
    async with waiting(site, files) as sent:
        ask = partial(teach, site.settings.state_dir, sent, label, by)
        return await run_in_threadpool(ask)


async def picture(site: Site, file: UploadFile, side: int) -> bytes:
    """A picture of a photo that was sent, made anew. Raises PhotoError where there can be none."""
    most = photo_bytes(site.settings)
    if (file.size or 0) > most:
        raise PhotoError(PhotoProblem.TOO_LARGE, f"a photo may have {most / 1e6:.0f} MB")
    return await asyncio.wrap_future(site.predictor.picture(file.file, side))
