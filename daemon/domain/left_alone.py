"""What lies in incoming and is not sorted, by name: so that nobody waits for it in vain. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NotRequired

from typing_extensions import TypedDict

from config.units import duration
from daemon.domain.phrases import count

# Of each kind so many are named, the others counted.
MOST_NAMED = 20
_MOST_SAID = 5


@dataclass(frozen=True, slots=True)
class Held:
    """A photo that could not be taken for so long, for it is still written to, or in use.

    Or it is tried again and again, and then `why` says what keeps it.
    """

    name: str
    seconds: float
    why: str = ""


class HeldDocument(TypedDict):
    """As JSON."""

    name: str
    seconds: float
    why: NotRequired[str]  # not where it is still written to, or in use


class LeftAloneDocument(TypedDict):
    """As JSON."""

    not_photos: int
    names: list[str]
    unreadable: dict[str, str]
    held: list[HeldDocument]


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """What lies in incoming and is not sorted; paths as text."""

    not_photos: int = 0
    names: tuple[str, ...] = ()  # some of those
    unreadable: Mapping[str, str] = field(default_factory=dict)  # folders and files, and why
    held: tuple[Held, ...] = ()  # the longest first

    def as_json(self) -> LeftAloneDocument:
        """For status and store."""
        return {
            "not_photos": self.not_photos,
            "names": [*self.names],
            "unreadable": {**self.unreadable},
            "held": [_held_json(one) for one in self.held],
        }


def _held_json(one: Held) -> HeldDocument:
    said: HeldDocument = {"name": one.name, "seconds": one.seconds}
    return {**said, "why": one.why} if one.why else said


def from_json(said: LeftAloneDocument | None) -> LeftAlone:
    """What `as_json` made; nothing where nothing was said."""
    if said is None:
        return LeftAlone()
    held = tuple(Held(one["name"], one["seconds"], one.get("why", "")) for one in said["held"])
    return LeftAlone(said["not_photos"], tuple(said["names"]), said["unreadable"], held)


def sentences(left: LeftAlone) -> list[str]:
    """What a clerk is told of it."""
    said = []
    if left.not_photos:
        things = "1 thing here is no photo" if left.not_photos == 1 else (
            f"{left.not_photos:,} things here are no photos"
        )  # fmt: skip
        said.append(f"{things}: {_listed(left.names, left.not_photos)}.")
    for held, so in (
        (
            [one for one in left.held if not one.why],
            "still being written, or open in another program",
        ),
        ([one for one in left.held if one.why], "tried again and again"),
    ):
        if held:
            names = [f"{one.name} (for {_how_long(one)})" for one in held]
            is_are = "is" if len(held) == 1 else "are"
            said.append(f"{count(len(held), 'photo')} {is_are} {so}: {_listed(names, len(names))}.")
    if left.unreadable:
        places = [f"{place} ({why})" for place, why in left.unreadable.items()]
        said.append(f"Not looked into: {_listed(places, len(places))}.")
    return said


def _how_long(one: Held) -> str:
    return f"{duration(one.seconds)}: {one.why}" if one.why else duration(one.seconds)


def _listed(names: Iterable[str], total: int) -> str:
    """The first few of `total` names."""
    some = [*names][:_MOST_SAID]
    if total > len(some):
        return f"{', '.join(some)} and {total - len(some):,} more"
    return " and ".join(filter(None, (", ".join(some[:-1]), some[-1])))
