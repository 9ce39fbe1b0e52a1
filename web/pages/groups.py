"""The review in groups: many alike photos decided in one stroke, and taken back in one.

A plain form with a box for each photo; `static/groups.js` adds choosing a range and keys.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.credentials import CallerOf
from web.deciding import Decision, Outcome, Wish, carry_out_all
from web.problems import Problem
from web.reading.categories import categories
from web.reading.history import zone_of
from web.reading.photos import Seen, history, known, seen
from web.reading.queues import Queue, totals, waiting
from web.reading.state import look
from web.review_groups import groups
from web.roles import Role
from web.routes import router
from web.site import site_of

pages = router()

# The oldest ones; more than a person can overlook are not shown, nor decided, at once.
MOST_SHOWN = 120
# What was not done is told of so many.
MOST_TOLD = 10
_CHOSEN = re.compile(r"([1-9]\d{0,17}):(\d{1,18})")
MOST_SECONDS = 86_400
Chosen = Annotated[list[str], Form(max_length=MOST_SHOWN)]


@pages.get("/page/groups", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, queue: Queue = Queue.REVIEW) -> Response:
    """What a queue holds, in groups."""
    return _page(request, queue, None)


@pages.post("/page/groups/decision", include_in_schema=False)
@needs(Role.CLERK)
def decide(
    request: Request,
    caller: CallerOf,
    photo: Chosen,
    decision: Annotated[str, Form()] = "agree",
    other: Annotated[str, Form(max_length=200)] = "",
    queue: Annotated[Queue, Form()] = Queue.REVIEW,
    seconds: Annotated[float, Form(ge=0, le=MOST_SECONDS)] = 0,
) -> Response:
    """Decide on all that were chosen. photo: number and last word that was seen, such as `7:0`.

    seconds: how long they were looked at, by the page's script.
    """
    try:
        word = Decision("category" if decision == "other" else decision)
    except ValueError as exc:
        raise Problem(400, "malformed", f"{decision[:50]!r} is no decision") from exc
    category = other if word is Decision.CATEGORY else ""
    said = Wish((), word, category, seconds=seconds)
    return _page(request, queue, _carried_out(request, caller, photo, said))


@pages.post("/page/groups/undo", include_in_schema=False)
@needs(Role.CLERK)
def undo(
    request: Request,
    caller: CallerOf,
    photo: Chosen,
    queue: Annotated[Queue, Form()] = Queue.REVIEW,
) -> Response:
    """Take a stroke back: all of its photos wait again."""
    return _page(request, queue, _carried_out(request, caller, photo, Wish((), None)), is_undo=True)


def _carried_out(request: Request, caller: CallerOf, photo: list[str], said: Wish) -> Outcome:
    """said: what is wanted, without the photos."""
    found = [_CHOSEN.fullmatch(one) for one in photo]
    chosen = {int(one[1]): int(one[2]) for one in found if one is not None}
    if len(chosen) < len(photo):
        raise Problem(400, "malformed", "photo: each is a number and a word, such as 7:0, once")
    wish = replace(said, photos=tuple(chosen), upon=tuple(chosen.values()))
    return carry_out_all(site_of(request), caller, wish)


def _page(
    request: Request, queue: Queue, outcome: Outcome | None, *, is_undo: bool = False
) -> Response:
    site = site_of(request)
    today = datetime.now(zone_of(site.settings)).date()
    with history(site.settings.state_dir) as store:
        found = waiting(store, queue, today, 0, MOST_SHOWN)
        shown = [Seen(one, tuple(store.corrections.of(one.id))) for one in found]
        done = [seen(store, one) for one in outcome.done] if outcome else []
        failures = outcome.failed if outcome else []
        failed = [(one, known(store, one.id)) for one in failures[:MOST_TOLD]]
        total = totals(store, today)[queue]
        names = categories(site.settings, store)
        sights = store.sights.of([one.id for one in found])
    return site.page(
        request, "groups.html", groups=groups(shown, sights), total=total, shown=len(shown),
        done=done, failed=failed, failures=len(failures), is_undo=is_undo,
        categories=names, queue=queue, measures=site.settings.value.measure,
        is_down=look(site.settings.state_dir).health == "down",
    )  # fmt: skip
