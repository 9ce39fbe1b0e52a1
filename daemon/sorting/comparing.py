"""Two versions on the same photos, which neither learnt from, and a page of what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifier.classifier import Classifier
from classifier.features import Features
from classifier.learning.base import COMPARE, Base, load_base
from classifier.learning.examples import twins
from classifier.learning.lesson import comparison_json
from classifier.learning.trial import Known, Trial, between, has_learnt
from config.errors import NightsortError
from daemon.domain.examples import Kept
from daemon.domain.speech import ENGLISH, Speech
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.folders.writing import replacing
from daemon.reporting.comparison_page import MOST_PICTURED, Difference, write_comparison
from daemon.reporting.thumbnails import Shown, Thumbnails
from daemon.sorting.kept_examples import name_of

_SIDE_PX = 240


class NothingToCompareOn(NightsortError):
    """There is no photo that both could be tried on."""


@dataclass(frozen=True, slots=True)
class Compared:
    """How two versions did."""

    trial: Trial
    kept: dict[str, Kept]  # the examples among the photos, by their ids

    def as_json(self, first: str, second: str) -> dict[str, object]:
        """For programs; examples by the names that people know."""
        judgement, why = self.trial.judgement()
        document = comparison_json(self.trial)
        for change in ("became_right", "became_wrong"):
            document[change] = [self._name(one) for one in document[change]]
        return {"a": first, "b": second, **document, "judgement": judgement, "why": why}

    def differences(self) -> list[tuple[str, Difference]]:
        """Examples that become right or wrong, the latter first, each with its id."""
        changed = self.trial.changed
        pairs = zip(self.trial.before or (), self.trial.after, strict=True)
        found = [
            (a.id, Difference(self._name(a.id), a.truth, a.verdict, b.verdict))
            for a, b in pairs
            if a.id in self.kept and a.id in {*changed.became_right, *changed.became_wrong}
        ]
        return sorted(found, key=lambda one: one[1].became_right)

    def _name(self, one: str) -> str:
        return name_of(self.kept[one]) if one in self.kept else one


def compare(first: Classifier, second: Classifier, kept: Sequence[Kept]) -> Compared:
    """Try both. kept: all examples; those that one of them learnt from are left out.

    Raises NothingToCompareOn, and ModelError where the network brings nothing to try on.
    """
    base = load_base(first.bundle)
    latest = {one.sha256: one for one in kept}
    learnt = has_learnt(first, [*latest]) | has_learnt(second, [*latest])
    seen = [one for one, is_learnt in zip(latest.values(), learnt, strict=True) if is_learnt]
    categories = {*first.categories, *second.categories}
    fresh = _fresh([one for one in latest.values() if one.label in categories], seen, base)
    held = base.held_out.part(COMPARE)
    held = held.where(_unlike(held.features, _features(seen, base), base))
    labels = held.labels
    is_known = np.array([label in categories for label in labels], bool)
    is_other = np.array([label not in base.categories for label in labels], bool) & ~is_known
    known = Known(
        (*(f"held-out {at}" for at in np.flatnonzero(is_known)), *fresh),
        np.concatenate([held.features[is_known], _features([*fresh.values()], base)]),
        (
            *(label for label, kept in zip(labels, is_known, strict=True) if kept),
            *(one.label for one in fresh.values()),
        ),
    )
    if not known.ids:
        raise NothingToCompareOn(
            "there is no photo that neither learnt from; bring some: nightsort learn add"
        )
    return Compared(between(first, second, known, held.features[is_other]), fresh)


def write_report(
    page: Path,
    compared: Compared,
    names: tuple[str, str],
    sorted_dir: Path,
    limits: Limits,
    say: Speech = ENGLISH,
) -> None:
    """Write the page, whole or not at all. Raises TransientError when the folder refuses."""
    shown = compared.differences()[:MOST_PICTURED]
    tree = Tree(sorted_dir)
    places = {
        one: compared.kept[one].place for one, _ in shown if _lies_there(tree, compared.kept[one])
    }
    pictures = Thumbnails(tree, limits).of(map(Shown, places.values()), _SIDE_PX)
    pictured = [(found, pictures.get(places.get(one, ""))) for one, found in shown]
    document = compared.as_json(*names)
    with replacing(page) as file:
        write_comparison(file, document, pictured, len(compared.differences()), say)


def _lies_there(tree: Tree, one: Kept) -> bool:
    """Whether the photo that was learnt from lies in its place: there may be another by now."""
    try:
        return bool(one.place) and tree.sha256(one.place) == one.sha256
    except (OSError, NightsortError):
        return False


def _fresh(kept: Sequence[Kept], learnt: Sequence[Kept], base: Base) -> dict[str, Kept]:
    """Those that were not learnt from, nor another photo of their return, nor their like."""
    ids = {one.sha256 for one in learnt}
    returns = {one.return_id for one in learnt} - {""}
    left = [one for one in kept if one.sha256 not in ids and one.return_id not in returns]
    unlike = _unlike(_features(left, base), _features(learnt, base), base)
    return {one.sha256: one for one, is_new in zip(left, unlike, strict=True) if is_new}


def _unlike(features: Features, learnt: Features, base: Base) -> NDArray[np.bool_]:
    """Which of some photos look like none of those learnt from."""
    kept = np.ones(len(features), bool)
    if len(features) and len(learnt):
        roots = [base.spec.inputs(some)[:, : base.spec.embedding] for some in (features, learnt)]
        kept[[at for at, _ in twins(*roots)]] = False
    return kept


def _features(kept: Sequence[Kept], base: Base) -> Features:
    found = [np.frombuffer(one.features, np.uint8) for one in kept]
    return np.array(found, np.uint8).reshape(-1, base.spec.size)
