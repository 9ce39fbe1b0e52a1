"""The review: everything that waits for a person, one big picture after the other.

Two more queues are gone through in the same way: quick looks, and spot checks.

Works without JavaScript by plain forms; `static/review/` decides by keys, in the background.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.catalogue import Texts
from web.access import needs
from web.credentials import CallerOf
from web.deciding import Decision, Wish, carry_out
from web.pages.keys import KEYS
from web.problems import SHOWN_AGAIN, Problem
from web.reading.categories import categories
from web.reading.history import zone_of
from web.reading.photos import Seen, Store, Story, history, known, seen
from web.reading.queues import LOOK_DAYS, Queue, totals, waiting
from web.reading.state import look
from web.review_panel import Panel, panel
from web.roles import Role
from web.routes import Id, router
from web.site import Site, site_of

pages = router()

# Photos in the strip at a time; a page stays small whatever waits.
IN_STRIP = 60
MOST_BESIDE = 8
# What people named most is counted over so many words.
_LATELY = 300
Number = Annotated[int | None, Query(ge=1, lt=2**63)]


@pages.get("/review", include_in_schema=False)
@needs(Role.READER)
def show(
    request: Request,
    queue: Queue = Queue.REVIEW,
    photo: Number = None,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    done: Number = None,
) -> Response:
    """What a queue holds, oldest first, and one photo large. done: decided a moment ago."""
    return _page(request, _Asked(queue, photo, after, done))


@pages.get("/page/review/{id}", include_in_schema=False)
@needs(Role.READER)
def show_one(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    code: Annotated[str, Query(pattern="^[a-z_]{1,40}$")] = "",
    queue: Queue = Queue.REVIEW,
) -> Response:
    """One photo alone, for the script. code: why it came back."""
    site = site_of(request)
    with history(site.settings.state_dir) as store:
        shown = _panel(site, store, seen(store, id))
    return site.page(
        request, "review_photo.html", panel=shown, code=code, detail="", kept="", queue=queue
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    """What was pressed; `other` is what stands in the list beside that button."""

    decision: Annotated[str, Form()] = "category"
    category: Annotated[str, Form(max_length=200)] = ""
    other: Annotated[str, Form(max_length=200)] = ""

    def word(self) -> tuple[Decision, str]:
        """The decision, and the category where it names one. Raises Problem 400."""
        if self.decision == "other":
            return Decision.CATEGORY, self.other
        try:
            return Decision(self.decision), self.category
        except ValueError as exc:
            said = f"{self.decision[:50]!r} is no decision"
            raise Problem(400, "malformed", said) from exc


@pages.post("/page/review/{id}/decision", include_in_schema=False)
@needs(Role.CLERK)
def decide(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    caller: CallerOf,
    choice: Annotated[_Choice, Depends()],
    upon: Annotated[int, Form(ge=0, lt=2**63)] = 0,
    queue: Annotated[Queue, Form()] = Queue.REVIEW,
) -> Response:
    """Decide, then show the next one; or this one again, with the reason why it was not done."""
    word, category = choice.word()
    return _decided(request, caller, queue, Wish((id,), word, category, upon=(upon,)))


@pages.post("/page/review/{id}/new", include_in_schema=False)
@needs(Role.CLERK)
def decide_anew(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    caller: CallerOf,
    category: Annotated[str, Form(min_length=1, max_length=200)],
    upon: Annotated[int, Form(ge=0, lt=2**63)] = 0,
    queue: Annotated[Queue, Form()] = Queue.REVIEW,
) -> Response:
    """File it in a category that there may not have been so far, then show the next one."""
    wish = Wish((id,), Decision.CATEGORY, category, is_new=True, upon=(upon,))
    return _decided(request, caller, queue, wish)


@pages.post("/page/review/{id}/undo", include_in_schema=False)
@needs(Role.CLERK)
def undo(
    request: Request,
    id: Id,  # noqa: A002 - as the address calls it
    caller: CallerOf,
    upon: Annotated[int, Form(ge=0, lt=2**63)] = 0,
    queue: Annotated[Queue, Form()] = Queue.REVIEW,
) -> Response:
    """Take the decision back, and show the photo, which waits again."""
    site = site_of(request)
    try:
        carry_out(site, caller, Wish((id,), None, upon=(upon,)))
    except Problem as problem:
        return _again(request, _Asked(queue, id), problem)
    return _to(site, queue, photo=id, done=None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What somebody wants to see of the review."""

    queue: Queue
    photo: int | None = None  # None: the oldest
    after: int = 0
    done: int | None = None
    kept: str = ""  # the category that was named, and is not to be lost


def _page(request: Request, asked: _Asked, problem: Problem | None = None) -> Response:
    site = site_of(request)
    today = _today(site)
    with history(site.settings.state_dir) as store:
        found = waiting(store, asked.queue, today, asked.after, IN_STRIP + 1)
        number = asked.photo or (found[0].id if found else None)
        shown = None if number is None else _panel(site, store, seen(store, number))
        values: dict[str, Any] = {
            "totals": totals(store, today),
            "done": _found(store, asked.done),
        }
    return site.page(
        request, "review.html", problem.status_code if problem else 200, queue=asked.queue,
        keys=KEYS, whys=_whys(site.texts(request)), measures=site.settings.value.measure,
        panel=shown, strip=_strip(found[:IN_STRIP], shown), is_down=_is_down(site),
        after=found[IN_STRIP - 1].id if len(found) > IN_STRIP else None, start=asked.after,
        kept=asked.kept,
        look_days=LOOK_DAYS,
        code=problem.code if problem else "", detail=problem.detail if problem else "", **values,
    )  # fmt: skip


def _today(site: Site) -> date:
    return datetime.now(zone_of(site.settings)).date()


def _panel(site: Site, store: Store, photo: Seen) -> Panel:
    usual = store.corrections.usual(_LATELY)
    beside = store.history.beside(photo.story.id, MOST_BESIDE)
    return panel(photo, beside, usual, categories(site.settings, store))


def _strip(found: list[Story], shown: Panel | None) -> list[Story]:
    """What waits, with the photo that is shown, where it waits further down."""
    if shown is None or not shown.is_waiting or any(one.id == shown.story.id for one in found):
        return found
    return sorted([*found, shown.story], key=lambda one: one.id)


def _whys(t: Texts) -> str:
    """Why something was not done, by code, for the script."""
    return json.dumps(t.table("failure"))


def _found(store: Store, number: int | None) -> Seen | None:
    """What was decided a moment ago, if it still is."""
    found = None if number is None else known(store, number)
    return found if found and found.decision else None


def _decided(request: Request, caller: CallerOf, queue: Queue, wish: Wish) -> Response:
    """The next photo, once what is wanted of this one is done."""
    site, (photo,) = site_of(request), wish.photos
    try:
        carry_out(site, caller, wish)
    except Problem as problem:
        return _again(request, _Asked(queue, photo, kept=wish.category), problem)
    return _to_next(site, queue, photo)


def _again(request: Request, asked: _Asked, problem: Problem) -> Response:
    """The photo once more, and what is wrong; a problem without a photo stays one."""
    if problem.status_code not in SHOWN_AGAIN:
        raise problem
    answer = _page(request, asked, problem)
    answer.headers.update(problem.headers or {})
    return answer


def _is_down(site: Site) -> bool:
    return look(site.settings.state_dir).health == "down"


def _to_next(site: Site, queue: Queue, done: int) -> Response:
    """The one that waits after it, else the first; `done` is told above."""
    today = _today(site)
    with history(site.settings.state_dir) as store:
        later = waiting(store, queue, today, done, 1) or waiting(store, queue, today, 0, 1)
    return _to(site, queue, photo=later[0].id if later else None, done=done)


def _to(site: Site, queue: Queue, **query: int | None) -> Response:
    given: dict[str, object] = {} if queue is Queue.REVIEW else {"queue": queue.value}
    given |= {name: value for name, value in query.items() if value is not None}
    return RedirectResponse(site.at(f"/review?{urlencode(given)}" if given else "/review"), 303)
