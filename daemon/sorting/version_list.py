"""The versions there are, each in a few words: for commands, programs and the page."""

from __future__ import annotations

from typing_extensions import TypedDict

from classifier.bundle import Bundle
from classifier.version import VersionCard, load_version
from config.errors import NightsortError
from daemon.sorting.versions import SHIPPED, NoVersion, Versions


class VersionBrief(TypedDict, total=False):
    """A version in a few words; of the shipped model, or one that is refused, less is known."""

    version: str
    model: str
    learnt: str
    categories: list[str]
    examples: int
    judgement: str | None
    problem: str


class VersionList(TypedDict):
    """All of them, the shipped one first, then by age."""

    in_use: str
    versions: list[VersionBrief]


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
        "problem": "",
    }
