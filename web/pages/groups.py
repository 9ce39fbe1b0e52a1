"""The review in groups: many alike photos decided in one stroke, and taken back in one.

A plain form with a box for each photo; `static/groups.js` adds choosing a range and keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from web.access import needs
from web.credentials import CallerOf
from web.deciding import Decision, Outcome, Wish, carry_out_all
from web.problems import SHOWN_AGAIN, Problem
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
Chosen = Annotated[list[str], Form(max_length=MOST_SHOWN, default_factory=list)]


@dataclass(frozen=True, slots=True)
class _Said:
    """What was pressed: shown again, with what it was about, where it was not done."""

    wish: Wish  # without the photos
    photos: tuple[str, ...] = ()  # each by number and last word that was seen, such as `7:0`
    other: str = ""  # what stands in the list

    def without(self, done: Iterable[int]) -> tuple[str, ...]:
        """Those that it was not done with."""
        gone = {str(one) for one in done}
        return tuple(one for one in self.photos if one.partition(":")[0] not in gone)


@pages.get("/page/groups", include_in_schema=False)
@needs(Role.READER)
def show(request: Request, queue: Queue = Queue.REVIEW) -> Response:
    """What a queue holds, in groups."""
    return _page(request, queue)


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
    wish = Wish((), word, category, seconds=seconds)
    return _answer(request, caller, queue, _Said(wish, tuple(photo), other))


@pages.post("/page/groups/undo", include_in_schema=False)
@needs(Role.CLERK)
def undo(
    request: Request,
    caller: CallerOf,
    photo: Chosen,
    queue: Annotated[Queue, Form()] = Queue.REVIEW,
) -> Response:
    """Take a stroke back: all of its photos wait again."""
    return _answer(request, caller, queue, _Said(Wish((), None), tuple(photo)))


def _answer(request: Request, caller: CallerOf, queue: Queue, said: _Said) -> Response:
    """What is left, once it is done; or all of it as it was, with the reason why it was not."""
    try:
        outcome = _carried_out(request, caller, said)
    except Problem as problem:
        if problem.status_code not in SHOWN_AGAIN:
            raise
        return _page(request, queue, said, problem=problem)
    return _page(request, queue, said, outcome)


def _carried_out(request: Request, caller: CallerOf, said: _Said) -> Outcome:
    found = [_CHOSEN.fullmatch(one) for one in said.photos]
    chosen = {int(one[1]): int(one[2]) for one in found if one is not None}
    if len(chosen) < len(said.photos):
        raise Problem(400, "malformed", "photo: each is a number and a word, such as 7:0, once")
    if not chosen:
        raise Problem(422, "nothing_chosen", "no photo was chosen")
    if said.wish.decision is Decision.CATEGORY and not said.wish.category:
        raise Problem(422, "no_category", "no category was chosen")
    wish = replace(said.wish, photos=tuple(chosen), upon=tuple(chosen.values()))
    return carry_out_all(site_of(request), caller, wish)


def _page(
    request: Request,
    queue: Queue,
    said: _Said | None = None,
    outcome: Outcome | None = None,
    problem: Problem | None = None,
) -> Response:
    site = site_of(request)
    today = datetime.now(zone_of(site.settings)).date()
    done, failures = (outcome.done, outcome.failed) if outcome else ([], [])
    is_undo = said is not None and said.wish.decision is None
    left = said.without(done) if said else ()
    with history(site.settings.state_dir) as store:
        found = waiting(store, queue, today, 0, MOST_SHOWN)
        shown = [Seen(one, tuple(store.corrections.of(one.id))) for one in found]
        may_be_undone = left if is_undo else [f"{one}:{seen(store, one).said}" for one in done]
        failed = [(one, known(store, one.id)) for one in failures[:MOST_TOLD]]
        total = totals(store, today)[queue]
        names = categories(site.settings, store)
        sights = store.sights.of([one.id for one in found])
    answer = site.page(
        request, "groups.html", problem.status_code if problem else 200,
        groups=groups(shown, sights), total=total, shown=len(shown), problem=problem,
        chosen=() if is_undo else left, other=said.other if said and left else "",
        done=may_be_undone, undone=len(done) if is_undo else 0,
        failed=failed, failures=len(failures),
        categories=names, queue=queue, measures=site.settings.value.measure,
        is_down=look(site.settings.state_dir).health == "down",
    )  # fmt: skip
    answer.headers.update(problem.headers or {} if problem else {})
    return answer
