"""A lesson: from examples to a candidate version, its comparison, and what is doubtful in it.

    lesson = learn(load_base(bundle), bundle, examples, Request(name=..., learnt=...), classifier)

Each example is judged by a sister of the candidate, learnt alike but without the example's fold:
its return, what looks the same, and a fifth of the rest. The base's held-out photos are judged by
the candidate itself: some calibrate it, others compare.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from classifier.bundle import Bands, Bundle
from classifier.head import LearntHead, Rows, log_sum
from classifier.learning.base import CALIBRATE, COMPARE, Base, HeldOut
from classifier.learning.calibration import AUTO_PROMISE, Calibrated, Scored, balanced, calibrate
from classifier.learning.coherence import Doubtful, coherence, doubtful
from classifier.learning.comparison import Changed, Figures
from classifier.learning.document import LessonDocument
from classifier.learning.examples import FOLDS, Example, folds_of, groups_of
from classifier.learning.fitting import NEVER, Moments, Sample, fit
from classifier.learning.material import LessonError, Material, Request, material_of
from classifier.learning.trial import Photos, Standing, Trial, tried, unlearnt
from classifier.threads import hold_to_one_thread
from classifier.verdict import FloatArray
from classifier.version import (
    GateSpec,
    Version,
    VersionCard,
    base_name,
    ids_of,
    specimen_scores,
)

__all__ = ["Example", "Lesson", "LessonError", "Request", "learn"]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a lesson brings. version: None when it is refused."""

    version: Version | None
    base: str
    examples: dict[str, int]
    new_labels: tuple[str, ...]
    trial: Trial
    judgement: str  # "better", "as good", "worse" or "refused"
    why: str
    doubtful: tuple[Doubtful, ...]

    @property
    def changed(self) -> Changed:
        """Which photos become right, and which wrong."""
        return self.trial.changed

    def as_json(self, seconds: float, *, adopted: bool) -> LessonDocument:
        """The document that `learn --json` prints, with counts and intervals beside it."""
        document = {
            "version": None if self.version is None else self.version.card.name,
            "base": self.base,
            "examples": self.examples,
            "new_labels": list(self.new_labels),
            "seconds": round(seconds, 2),
            **comparison_json(self.trial),
            "judgement": self.judgement,
            "why": self.why,
            "doubtful": [
                {"photo": one.photo, "said": one.said, "looks_like": one.looks_like}
                for one in self.doubtful
            ],
            "adopted": adopted,
        }
        return cast(LessonDocument, document)


def learn(
    base: Base,
    bundle: Bundle,
    examples: Sequence[Example],
    request: Request,
    before: Standing | None = None,
) -> Lesson:
    """Learn a candidate version anew from the base and all examples; nothing is written.

    before: the version in use; None: there is nothing to compare with, nor is there where it
    shares no category with the candidate, or only these labels are asked for.
    Raises LessonError when the examples will not do.
    """
    hold_to_one_thread()
    material = material_of(base, bundle, examples, request)
    is_alone = request.only and not request.compared
    if before is not None and (is_alone or not {*before.categories} & {*material.plan.categories}):
        before = None
    found = fitted(material)
    head = material.head(found.rows)
    held = material.held_out()
    judged = np.flatnonzero(found.judged)
    examples_own = Scored(
        head.beside_scores(found.sisters[judged], material.features[judged]), material.truth[judged]
    )
    calibrate_on = held.part(CALIBRATE)
    held_back = _scored(material, head, calibrate_on)
    calibrating = held_back.beside(examples_own)
    if not len(calibrating.known.truth):
        raise LessonError(
            "the photos of each label all belong together (one return, or one picture), so that "
            "nothing would say how right the lesson is: add other photos"
        )
    weights = balanced(held_back.truth, examples_own.truth, calibrate_on.weights)
    calibrated = calibrate(head, calibrating, weights)
    compared = held.part(COMPARE)
    photos = Photos(
        tuple(f"held-out {at}" for at in range(len(compared.labels))),
        compared.features,
        _scored(material, head, compared),
    ).beside(
        Photos(
            tuple(material.examples[at].id for at in judged),
            material.features[judged],
            examples_own,
        )
    )
    trial = tried(unlearnt(photos, before), calibrated, before)
    return _lesson(material, calibrated, found, trial, request, before, bundle)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The candidate's rows, and what its sisters say of the examples that they did not see."""

    rows: Rows
    sisters: FloatArray  # (examples, rows)
    judged: NDArray[np.bool_]  # (examples,): False where the sister knew no other of the label


def fitted(material: Material) -> Fitted:
    """Fit the candidate and its sisters."""
    count = len(material.plan.labels)
    inputs, rows_of = material.inputs, material.rows
    moments = Moments.of(inputs, rows_of, count)
    everything = Sample.of(inputs, rows_of, np.ones(len(inputs), bool))
    rows = fit(material.prior, material.plan, moments, everything)
    folds = folds_of(material.examples, groups_of(material.examples, material.roots(inputs)))
    scores = np.zeros((len(inputs), count), np.float32)
    judged = np.ones(len(inputs), bool)
    for fold in range(FOLDS):
        out = folds == fold
        if out.any():
            rest = moments.minus(Moments.of(inputs[out], rows_of[out], count))
            sister = fit(material.prior, material.plan, rest, Sample.of(inputs, rows_of, ~out))
            scores[out] = sister.scores(inputs[out])
            judged[out] = sister.bias[rows_of[out]] > NEVER
    return Fitted(rows, scores, judged)


def _scored(material: Material, head: LearntHead, held: HeldOut) -> Scored:
    return Scored(head.evidence(held.features), material.truth_of(held.labels))


def _lesson(
    material: Material,
    candidate: Calibrated,
    found: Fitted,
    trial: Trial,
    request: Request,
    before: Standing | None,
    bundle: Bundle,
) -> Lesson:
    head = candidate.head
    there = material.base.categories if before is None else before.categories
    new = frozenset(
        at for at, name in enumerate(head.categories) if material.prior is None or name not in there
    )
    examples = [one for one, judged in zip(material.examples, found.judged, strict=True) if judged]
    truth = material.truth[found.judged]
    known, _ = head.logs(
        head.beside_scores(found.sisters[found.judged], material.features[found.judged])
    )
    refusal, warnings = coherence(examples, truth, known, new)
    warnings += _unjudged(
        {one.label for one in material.examples} - {one.label for one in examples}
    )
    verdict, why = ("refused", refusal) if refusal else trial.judgement()
    warnings += _in_favour(material, trial)
    within = np.exp(known - log_sum(known)[:, None])
    lesson = Lesson(
        version=None,
        base=bundle.card.title,
        examples=dict(sorted(Counter(one.label for one in material.examples).items())),
        new_labels=tuple(head.categories[at] for at in sorted(new)),
        trial=trial,
        judgement=verdict,
        why="; ".join([why, *warnings]),
        doubtful=tuple(doubtful(examples, truth, within, head.categories)),
    )
    if refusal:
        return lesson
    return replace(lesson, version=_version(material, candidate, lesson, request, bundle))


def _in_favour(material: Material, trial: Trial) -> list[str]:
    """What of the comparison favours the candidate by nature."""
    if trial.before is None:
        return []
    corrected = {one.id for one in material.examples if one.source == "correction"}
    count = sum(one.id in corrected for one in trial.before)
    wrong = "of these photos were corrected by people, as what judged them then had them wrong"
    return [f"{count} {wrong}"] if count else []


def _unjudged(labels: set[str]) -> list[str]:
    return [
        f"the examples of {label} all belong together (one return, or one picture), so that "
        "nothing says how right it is"
        for label in sorted(labels)
    ]


def _version(
    material: Material, candidate: Calibrated, lesson: Lesson, request: Request, bundle: Bundle
) -> Version:
    head, thresholds = candidate.head, candidate.thresholds
    card = VersionCard(
        format=1,
        name=request.name,
        learnt=request.learnt,
        base=base_name(bundle.card),
        only=request.only,
        features=head.spec,
        categories=head.categories,
        rows=material.plan.labels,
        owners=material.plan.owners,
        removed=tuple(sorted(request.removed)),
        opinion=() if head.opinion is None else tuple(int(owner) for owner in head.opinion.owners),
        temperature=head.temperature,
        opinion_temperature=head.opinion_temperature,
        doubts=() if head.doubts is None else tuple(float(doubt) for doubt in head.doubts),
        gate=GateSpec(
            spread=head.gate.spread, weight=head.gate.weight, threshold=thresholds.unknown or 0.0
        ),
        bands=Bands(auto=thresholds.auto, review=thresholds.review, promise=AUTO_PROMISE),
        examples=lesson.examples,
        sources=dict(sorted(Counter(one.source for one in material.examples).items())),
        figures=figures_json(lesson.trial) | {"judgement": lesson.judgement, "why": lesson.why},
    )
    return Version(
        card=card,
        head=head,
        specimens=specimen_scores(head, material.base.specimens),
        learnt_from=ids_of([one.id for one in material.examples]),
    )


def comparison_json(trial: Trial) -> dict[str, Any]:
    """Before and after, in figures and in photos."""
    changed = trial.changed
    return figures_json(trial) | {
        "became_right": list(changed.became_right),
        "became_wrong": list(changed.became_wrong),
    }


def figures_json(trial: Trial) -> dict[str, Any]:
    """Before and after in figures, with how many photos they rest on, and their intervals."""
    before, after = trial.figures
    old = trial.figures_of_old
    return {
        "before": before and before.as_json(),
        "after": after.as_json(),
        "photos": after.photos,
        "intervals": {
            "before": before and list(before.interval),
            "after": list(after.interval),
        },
        "old": old and {"before": _brief(old[0]), "after": _brief(old[1])},
        "unknown": trial.unknown
        and {
            "before": {"review_share": trial.unknown[0]},
            "after": {"review_share": trial.unknown[1]},
            "photos": trial.unknown_photos,
        },
    }


def _brief(figures: Figures) -> dict[str, Any]:
    return {
        "accuracy": figures.accuracy,
        "interval": list(figures.interval),
        "photos": figures.photos,
    }
