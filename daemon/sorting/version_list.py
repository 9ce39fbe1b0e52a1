"""The versions there are, each in a few words: for commands, programs and the page."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from classifier.bundle import Bundle
from classifier.version import VersionCard, base_name, load_version
from config.errors import NightsortError
from daemon.domain.promotions import origin_of
from daemon.sorting.versions import SHIPPED, NoVersion, Versions


class VersionBrief(TypedDict, total=False):
    """A version in a few words; of the shipped model, or one that is refused, less is known."""

    version: str
    model: str
    learnt: str
    categories: list[str]
    examples: int
    judgement: str | None
    origin: str  # the station that learnt it, where that is another one
    problem: str


class VersionList(TypedDict):
    """All of them, the shipped one first, then by age."""

    in_use: str
    versions: list[VersionBrief]


class ShippedCard(TypedDict):
    """What the model says of itself as it comes, by the names that a learnt version's card has."""

    name: str
    base: dict[str, str]  # name, version, sha256
    categories: list[str]
    bands: dict[str, float] | None
    metrics: dict[str, Any]  # as the bundle's card has them


def listed(versions: Versions, bundle: Bundle) -> VersionList:
    """What `models list --json` prints. Raises ModelError where nobody knows which is in use."""
    found: list[VersionBrief] = [{"version": SHIPPED, "model": bundle.card.title, "problem": ""}]
    found += [_brief(versions, name, bundle) for name in versions.names()]
    return {"in_use": versions.in_use(), "versions": found}


def card_of(versions: Versions, name: str, bundle: Bundle) -> VersionCard:
    """All that a learnt version says of itself. Raises NoVersion, ModelError."""
    if name == SHIPPED:
        raise NoVersion(f"{SHIPPED}: the model as it comes was not learnt here")
    return load_version(versions.file(name), bundle).card


def shipped_card(bundle: Bundle) -> ShippedCard:
    """The shipped model's own."""
    card = bundle.card
    return {
        "name": SHIPPED,
        "base": base_name(card).model_dump(),
        "categories": list(card.categories),
        "bands": card.bands.model_dump() if card.bands else None,
        "metrics": card.metrics,
    }


def _brief(versions: Versions, name: str, bundle: Bundle) -> VersionBrief:
    try:
        card = card_of(versions, name, bundle)
    except NightsortError as exc:
        return {"version": name, "problem": str(exc)}
    return {
        "version": name,
        "model": f"{card.base.name} {card.base.version}",
        "learnt": card.learnt,
        "categories": list(card.categories),
        "examples": sum(card.examples.values()),
        "judgement": card.figures.get("judgement"),
        **_origin(name),
        "problem": "",
    }


def _origin(name: str) -> VersionBrief:
    origin = origin_of(name)
    return {"origin": origin} if origin else {}
