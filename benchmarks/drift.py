"""False alarms and power of `unusual_night` and `accuracy_below_promise`, in simulated years."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from random import Random

from benchmarks.bench import Bench, Figures
from daemon.alerting.evaluate import ACCURACY_DAYS
from daemon.alerting.rules import of_accuracy
from daemon.domain.accuracy import Rate
from daemon.domain.drift import NIGHTS, unusual
from daemon.domain.nights import Night
from tests.support.shop_nights import CHANGES, Change, ordinary_nights

_WEEKS = 200
_PROMISE = 0.99
_TOLD = (28, 91, 365)  # nights
_TRUTHS = (0.995, 0.99, 0.985, 0.98, 0.97, 0.95)
_WEEKS_A_QUARTER = 13
_WATCHED = 10  # nights after a change
_WEEKS_OF_CHANGES = 60
_SHOPS = [(seed, photos) for photos in (60, 400, 3000) for seed in (1, 2, 3)]


def drift(bench: Bench) -> Figures:
    """200 ordinary weeks of several shops, and then weeks in which something changes."""
    weeks, shops = (30, _SHOPS[:2]) if bench.quick else (_WEEKS, _SHOPS)
    told: dict[int, list[int]] = {}
    why: Counter[str] = Counter()
    for seed, photos in shops:
        nights = [*ordinary_nights(seed, NIGHTS + 7 * weeks, photos)]
        raised = false_alarms(nights)
        why.update(what for whats in raised for what in whats)
        told.setdefault(photos, []).append(len(raised))
    quarters = weeks / _WEEKS_A_QUARTER
    return {
        "weeks": weeks,
        "false_alarms_a_quarter": {
            photos: [round(alarms / quarters, 2) for alarms in found]
            for photos, found in told.items()
        },
        "why": dict(why),
        "found": {
            photos: {
                name: found_share(change, photos, min(weeks, _WEEKS_OF_CHANGES))
                for name, change in CHANGES.items()
            }
            for photos in told
        },
    }


def false_alarms(nights: list[Night]) -> list[list[str]]:
    """What was said of each alarm in ordinary nights; those in a row are one."""
    raised: list[list[str]] = []
    was_unusual = False
    for end in range(NIGHTS, len(nights)):
        changes = unusual(nights[end - NIGHTS : end + 1])
        if changes and not was_unusual:
            raised.append([change.what for change in changes])
        was_unusual = bool(changes)
    return raised


def found_share(change: Change, photos: int, weeks: int) -> dict[str, float]:
    """Of changes that stay, how many are told within so many nights with photos."""
    nights = [*ordinary_nights(9, NIGHTS + 7 * weeks, photos)]
    random = Random(9)
    waited = [
        _nights_until_told(nights[begin - NIGHTS : begin + _WATCHED], change, random)
        for begin in range(NIGHTS, len(nights) - _WATCHED, 5)
    ]
    return {
        f"within {most}": round(sum(one <= most for one in waited) / len(waited), 2)
        for most in (1, 3, 6)
    }


def _nights_until_told(nights: list[Night], change: Change, random: Random) -> int:
    """Nights with photos from the change on, after the first NIGHTS."""
    so_far, changed = nights[:NIGHTS], 0
    for night in nights[NIGHTS:]:
        so_far.append(change(night, random))
        changed += night.judged > 0
        if unusual(so_far[-NIGHTS - 1 :]):
            return changed
    return _WATCHED


def spot_checks(bench: Bench) -> Figures:
    """Simulated years of `accuracy_below_promise`: looked at each night, all checks answered."""
    years = 30 if bench.quick else 400
    return {
        f"{a_night} a night": {
            f"{100 * right:g} % right": _years(right, a_night, years) for right in _TRUTHS
        }
        for a_night in (8, 20, 60)
    }


def _years(right: float, a_night: int, years: int) -> dict[str, float | None]:
    """How many years have an alarm, and in which night half of them have had it."""
    first = sorted(first_alarm(right, a_night, seed) for seed in range(years))
    within = {f"within {most}": sum(one <= most for one in first) / years for most in _TOLD}
    return {**within, "median night": first[years // 2] if first[years // 2] <= 365 else None}


def first_alarm(right: float, a_night: int, seed: int, nights: int = 365) -> int:
    """The night of the first alarm of a year that begins without history; beyond it: none."""
    random, newest = Random(seed), deque[int](maxlen=ACCURACY_DAYS)
    for night in range(1, nights + 1):
        newest.append(sum(random.random() >= right for _ in range(a_night)))
        shown = a_night * len(newest)
        rate = Rate(shown - sum(newest), shown, shown)
        if of_accuracy(rate, _PROMISE, ACCURACY_DAYS, "").holds:
            return night
    return nights + 1


def drift_rows(found: Figures) -> Iterator[list[str]]:
    """Its lines of the table."""
    for photos, alarms in found["false_alarms_a_quarter"].items():
        what = f"false alarms a quarter of `unusual_night`, {photos} photos a day"
        yield [what, ", ".join(f"{one:.2f}" for one in alarms), "≤ 1"]
    for photos, changes in found["found"].items():
        for name, within in changes.items():
            figure = ", ".join(f"{100 * share:.0f} % {when}" for when, share in within.items())
            yield [f"told of {name}, {photos} photos a day, nights", figure, ""]


def spot_check_rows(found: Figures) -> Iterator[list[str]]:
    """Its lines of the table."""
    for checks, truths in found.items():
        for right, years in truths.items():
            told = (f"{100 * years[f'within {most}']:.0f} % within {most}" for most in _TOLD)
            what = f"years with `accuracy_below_promise`, {right} (99 % promised), {checks}"
            yield [what, f"{', '.join(told)} nights", ""]
