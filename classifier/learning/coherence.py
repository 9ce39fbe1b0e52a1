"""Whether a lesson's labels hold together, and which examples look as if they were another's.

Both come of what sisters of the candidate say of examples that they did not learn from. Measured on
ten kinds of clothing: kappa is 0.69 to 0.97 for good lessons and at most 0.06 where labels are
shuffled; with three kinds of five to ten photos each the two overlap, so those are only warned of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.head import DoubleArray
from classifier.learning.examples import Example

LEAST_KAPPA = 0.3
FEWEST_EXAMPLES = 20  # of a label: below, nothing is refused for it
LEAST_RECALL = 0.4  # of one label: good ones have 0.8 to 0.95
# Corrections are photos that were judged wrongly, what people agreed to was judged rightly: how
# often others contradict them says nothing.
BIASED_SOURCES = frozenset({"correction", "decision", "check"})
_UNLIKELY, _LIKELY = 0.2, 0.5


@dataclass(frozen=True, slots=True)
class Doubtful:
    """An example that the others contradict."""

    photo: str
    said: str
    looks_like: str


def kappa(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> float | None:
    """Balanced accuracy above chance, 0 for guessing and 1 for all right; None of one label."""
    labels = np.unique(truth)
    if len(labels) < 2:
        return None
    recalls = [float((guess[truth == label] == label).mean()) for label in labels]
    chance = 1 / len(labels)
    return (float(np.mean(recalls)) - chance) / (1 - chance)


def coherence(
    examples: Sequence[Example],
    truth: NDArray[np.int64],
    known: DoubleArray,
    new: frozenset[int],
) -> tuple[str, list[str]]:
    """Say why the lesson must be refused ("" if it need not be), and what to warn of.

    truth: each example's category; known: its log-sums by category, (examples, categories), of a
    sister; new: categories that the version before does not have.
    """
    fair = np.array(
        [
            one.source not in BIASED_SOURCES or at in new
            for one, at in zip(examples, truth, strict=True)
        ],
        bool,
    )
    counts = np.bincount(truth[fair], minlength=known.shape[1])
    told = {int(at) for at in np.unique(truth[fair])}
    few = [at for at in sorted(told) if counts[at] < FEWEST_EXAMPLES]
    enough = np.isin(truth, [at for at in told if at not in few]) & fair
    among = np.array(sorted(told), np.int64)
    guess = among[known[:, among].argmax(axis=1)] if told else np.zeros(len(truth), np.int64)
    warnings = _warnings(
        truth, guess, enough, {at: examples_of(examples, truth, at) for at in told}
    )
    held = kappa(truth[enough], guess[enough])
    if held is not None and held < LEAST_KAPPA:
        why = (
            f"the labels do not hold together: kappa over photos kept back is {held:.2f}, and "
            f"{LEAST_KAPPA} is needed, for shuffled labels reach 0.06; look through the labels"
        )
        return why, warnings
    return "", warnings


def examples_of(examples: Sequence[Example], truth: NDArray[np.int64], category: int) -> str:
    """The label of a category's examples."""
    return examples[int(np.flatnonzero(truth == category)[0])].label


def _warnings(
    truth: NDArray[np.int64],
    guess: NDArray[np.int64],
    enough: NDArray[np.bool_],
    names: dict[int, str],
) -> list[str]:
    warnings = []
    for at, name in sorted(names.items()):
        own = truth == at
        if not (own & enough).any():
            examples = "example" if own.sum() == 1 else "examples"
            warnings.append(f"{name} has only {own.sum()} {examples}, {FEWEST_EXAMPLES} say more")
        elif (recall := float((guess[own & enough] == at).mean())) < LEAST_RECALL:
            warnings.append(f"of the examples of {name} only {recall:.0%} look like the others")
    return warnings


def doubtful(
    examples: Sequence[Example], truth: NDArray[np.int64], within: DoubleArray, names: Sequence[str]
) -> list[Doubtful]:
    """Examples whose own category is unlikely and another likely, the surest first.

    within: their probabilities by category, of a sister, (examples, categories).
    """
    best = within.argmax(axis=1)
    own, top = within[np.arange(len(truth)), truth], within.max(axis=1)
    suspects = np.flatnonzero((own < _UNLIKELY) & (top > _LIKELY) & (best != truth))
    order = suspects[np.argsort(-top[suspects], kind="stable")]
    return [Doubtful(examples[i].id, examples[i].label, names[best[i]]) for i in order]
