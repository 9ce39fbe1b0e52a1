"""Decisions, for page and API alike: done and shown, or a problem that says who and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from web.problems import Problem, busy
from web.reading.asking import Code, Decision, Left, Wish, ask
from web.reading.photos import Seen, photo
from web.roles import Caller
from web.site import Site

__all__ = ["Decision", "Outcome", "Wish", "carry_out", "carry_out_all"]

# So many photos in one order: the daemon looks at its share between two of them.
_AT_ONCE = 25
_LATER = frozenset({Code.BUSY, Code.UNAVAILABLE, Code.UNKNOWN_OUTCOME})


@dataclass(frozen=True, slots=True)
class Failed:
    """A photo that was left as it was."""

    id: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of many photos."""

    done: list[int]
    failed: list[Failed]


def carry_out(site: Site, by: Caller, wish: Wish) -> Seen:
    """Carry out a wish for one photo; returns it as it is then.

    Raises Problem: 404 no such photo, 409 decided meanwhile (who and what), or not to be decided,
    503 as `ask`.
    """
    (number,) = wish.photos
    _, left = _asked(site, wish, by)
    if left:
        raise _problem(site, number, left[0])
    return photo(site.settings.state_dir, number)


def carry_out_all(site: Site, by: Caller, wish: Wish) -> Outcome:
    """Carry out a wish for many photos; one that is left keeps no other from it.

    Raises Problem as `ask`, while nothing was done yet.
    """
    outcome = Outcome([], [])
    for start in range(0, len(wish.photos), _AT_ONCE):
        some = _part(wish, slice(start, start + _AT_ONCE))
        try:
            done, left = _asked(site, some, by)
        except Problem as exc:
            if not start:
                raise
            outcome.failed.extend(Failed(one, exc.code, exc.detail) for one in some.photos)
            outcome.failed.extend(_not_tried(exc, wish.photos[start + _AT_ONCE :]))
            break
        outcome.done.extend(done)
        outcome.failed.extend(Failed(_number(one), one.code, one.detail) for one in left)
    return outcome


def _asked(site: Site, wish: Wish, by: Caller) -> tuple[list[int], Sequence[Left]]:
    """As `ask`; how long it took stays here where nothing is to be measured, whoever says it."""
    told = wish if site.settings.value.measure else replace(wish, seconds=0.0)
    return ask(site.settings.state_dir, told, by)


def _part(wish: Wish, part: slice) -> Wish:
    """Some of its photos, with their share of the time."""
    photos = wish.photos[part]
    seconds = wish.seconds * len(photos) / len(wish.photos)
    return replace(wish, photos=photos, upon=wish.upon[part], seconds=seconds)


def _not_tried(problem: Problem, photos: Sequence[int]) -> Iterator[Failed]:
    """What comes after a failure, and so was not asked for."""
    is_open = problem.code == Code.UNKNOWN_OUTCOME
    code = Code.UNAVAILABLE if is_open else problem.code
    yield from (Failed(one, code, "it was not done, as the one before failed") for one in photos)


def _number(left: Left) -> int:
    """Which photo; one that there is not is called as it was asked for: `#7`."""
    return left.photo if left.photo is not None else int(left.filename.removeprefix("#"))


def _problem(site: Site, number: int, left: Left) -> Problem:
    if left.code is Code.NOT_FOUND:
        return Problem(404, "not_found", f"there is no photo {number}")
    if left.code in _LATER:
        return busy(f"{left.filename}: {left.detail}", code=left.code)
    if left.code is Code.REFUSED:
        return busy(f"{left.filename}: {left.detail}", 60, left.code)
    detail = f"{left.filename}: {left.detail}"
    if left.code is not Code.DECIDED:
        return Problem(409, left.code, detail)
    last = photo(site.settings.state_dir, number).words[-1]
    at, category = last.at.isoformat(timespec="seconds"), last.category or None
    return Problem(
        409, left.code, detail, by=last.person, at=at, word=str(last.word), category=category
    )
