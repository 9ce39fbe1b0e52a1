"""What lies in incoming and is not sorted, by name: so that nobody waits for it in vain. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NotRequired

from typing_extensions import TypedDict

from daemon.domain.speech import ENGLISH, Speech

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


def sentences(left: LeftAlone, say: Speech = ENGLISH) -> list[str]:
    """What a clerk is told of it."""
    said = []
    if left.not_photos:
        names = listed(left.names, left.not_photos, say)
        said.append(say.many("phrases.left.no_photos", left.not_photos, names=names))
    for held, so in (
        ([one for one in left.held if not one.why], "held"),
        ([one for one in left.held if one.why], "tried"),
    ):
        if held:
            long = [so_long(one.name, say.duration(one.seconds), one.why, say) for one in held]
            names = listed(long, len(held), say)
            said.append(say.many(f"phrases.left.{so}", len(held), names=names))
    if left.unreadable:
        places = [f"{place} ({why})" for place, why in left.unreadable.items()]
        names = listed(places, len(places), say)
        said.append(say("phrases.left.not_looked_into", names=names))
    return said


def so_long(name: str, long: str, why: str, say: Speech) -> str:
    """A photo that is held, and for how long; why: empty where it is still written to."""
    return say("phrases.left.so_long", name=name, long=f"{long}: {why}" if why else long)


def listed(names: Iterable[str], total: int, say: Speech) -> str:
    """The first few of `total` names."""
    some = [*names][:_MOST_SAID]
    if total > len(some):
        return say.many("phrases.left.more", total - len(some), names=", ".join(some))
    if len(some) < 2:
        return "".join(some)
    return say("phrases.left.and", names=", ".join(some[:-1]), last=some[-1])
