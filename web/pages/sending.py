"""Sending photos from the browser: into incoming, as examples, or only to try what is said of them.

Works without JavaScript by plain forms; `static/upload.js` sends photos one by one, with progress.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from config.catalogue import Texts
from config.errors import PhotoError, PhotoProblem
from config.units import certainty_unbroken
from web.access import needs
from web.bodies import SUM_BYTES
from web.credentials import CallerOf
from web.problems import Problem
from web.reading.categories import categories
from web.reading.photos import history
from web.reading.state import look
from web.roles import Role
from web.routes import router
from web.sending import learn_later, picture, require_open, take_in
from web.site import Site, site_of
from web.uploads import batch_bytes, examples_of, files_of, single_bytes

pages = router()

# Of the photo that is tried, longer side.
_SHOWN_SIDE = 640
# What the script says of a photo.
_SAID = (
    "waits", "goes", "looked_at", "received", "received_as", "sum", "left", "again", "no_answer",
)  # fmt: skip
# The form is shown again, with what is wrong; all else has a page of its own.
_SHOWN_AGAIN = frozenset({400, 413, 422, 503})


@pages.get("/upload", include_in_schema=False)
@needs(Role.CLERK)
def show(request: Request) -> Response:
    """Where photos are dropped."""
    return _page(request)


@pages.post("/page/upload", include_in_schema=False)
@needs(Role.CLERK, most_bytes=batch_bytes)
async def send(request: Request, caller: CallerOf) -> Response:
    """Put the photos that were chosen into incoming, and say what became of each."""
    site = site_of(request)
    try:
        require_open(site)
        async with files_of(request, "files", site.settings.api.batch_photos) as files:
            answer = await take_in(site, caller, files)
    except Problem as problem:
        return await run_in_threadpool(_page, request, problem)
    return await run_in_threadpool(_page, request, arrived=answer)


@pages.post("/page/upload/examples", include_in_schema=False)
@needs(Role.LEAD, most_bytes=SUM_BYTES // 2)
async def send_examples(request: Request, caller: CallerOf) -> Response:
    """Keep the photos that were chosen as examples."""
    site = site_of(request)
    try:
        require_open(site)
        async with examples_of(request) as (files, label):
            answer = await learn_later(site, caller, files, label)
    except Problem as problem:
        return await run_in_threadpool(_page, request, problem)
    return await run_in_threadpool(_page, request, taken=answer)


@pages.get("/page/try", include_in_schema=False)
@needs(Role.READER)
def show_try(request: Request) -> Response:
    """Where a photo is tried."""
    return _try_page(site_of(request), request)


@pages.post("/page/try", include_in_schema=False)
@needs(Role.READER, counts_as="predictions", most_bytes=single_bytes)
async def try_out(request: Request) -> Response:
    """What would be said of a photo. Nothing is filed, and nothing of it is kept."""
    site = site_of(request)
    try:
        with site.predictor.place():
            async with files_of(request, "file", 1) as (file,):
                shown = await picture(site, file, _SHOWN_SIDE)
                judged = await site.predictor.verdict(file.file)
    except PhotoError as exc:
        problem = Problem(422, exc.problem.value, exc.text)
        return await run_in_threadpool(_try_page, site, request, problem)
    except Problem as problem:
        return await run_in_threadpool(_try_page, site, request, problem)
    return await run_in_threadpool(
        _try_page, site, request, judged=judged, verdict=judged.verdict,
        picture=f"data:image/jpeg;base64,{b64encode(shown).decode()}",
    )  # fmt: skip


def _known(site: Site) -> Sequence[str]:
    """What may be meant; where the history cannot be read, people write it themselves."""
    try:
        with history(site.settings.state_dir) as store:
            return categories(site.settings, store)
    except Problem:
        return ()


def _page(request: Request, problem: Problem | None = None, **values: Any) -> Response:
    site = site_of(request)
    _require_shown(problem)
    return _answered(
        site.page(
            request, "upload.html", problem.status_code if problem else 200,
            problem=problem, categories=_known(site),
            is_down=look(site.settings.state_dir).health == "down",
            most=site.settings.api.batch_photos, texts=_for_the_script(site.texts(request)),
            **{"arrived": None, "taken": None, **values},
        ),
        problem,
    )  # fmt: skip


def _try_page(
    site: Site, request: Request, problem: Problem | None = None, **values: Any
) -> Response:
    _require_shown(problem)
    return _answered(
        site.page(
            request, "try.html", problem.status_code if problem else 200, problem=problem,
            certainty=certainty_unbroken,
            **{"judged": None, "verdict": None, "picture": "", **values},
        ),
        problem,
    )  # fmt: skip


def _for_the_script(t: Texts) -> str:
    """What `static/upload.js` says, as JSON."""
    reasons = {one.value: t(f"reason.{one}") for one in PhotoProblem}
    said = {key: t(f"upload.{key}") for key in _SAID}
    return json.dumps({**said, "why": {**t.table("failure"), **reasons, **t.table("unsent")}})


def _require_shown(problem: Problem | None) -> None:
    if problem is not None and problem.status_code not in _SHOWN_AGAIN:
        raise problem


def _answered(page: Response, problem: Problem | None) -> Response:
    page.headers.update((problem and problem.headers) or {})
    return page
