"""A version that was learnt elsewhere: compared on this station's own photos before it is one here.

It is loaded as a stranger's: hash, digest, base and self-test must agree, else it is refused. The
own photos decide; the network's own, which neither learnt from, may only speak against it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from classifier.classifier import Classifier
from classifier.learning.document import LessonDocument
from classifier.learning.lesson import comparison_json
from classifier.learning.trial import Trial
from classifier.version import Version, load_version
from config.errors import ModelError
from config.learning import LearningSettings
from daemon.domain.examples import Kept
from daemon.domain.promotions import Promoted
from daemon.domain.speech import ENGLISH
from daemon.sorting.comparing import Compared, NothingToCompareOn, compare
from daemon.sorting.kept_examples import name_of
from daemon.sorting.lessons import Held, refused
from daemon.sorting.versions import FOLDER, Choice, Versions, try_out

_FILE = ".promoted"
_ON_OWN = "compared on this station's own photos"
_ON_OTHERS = "compared on the photos that came with the network"


def file_of_promoted(state_dir: Path) -> Path:
    """Where what came lies until it was compared."""
    return state_dir / FOLDER / _FILE


def _always() -> None:
    """It is still offered."""


def hold_promoted(
    classifier: Classifier,
    choice: Choice,
    learning: LearningSettings,
    kept: Sequence[Kept],
    promoted: Promoted,
    require_offered: Callable[[], None] = _always,
) -> Held:
    """Compare what came with what judges now; it is a version here, unless it is worse.

    require_offered: raises where it is not any more. To be called while the versions are held.
    Raises that, and TransientError when the disk refuses.
    """
    began, base = time.perf_counter(), classifier.bundle.card.title
    whose = f"promoted by {promoted['person']}, learnt at {promoted['station']}"
    try:
        candidate, version = _trusted(classifier, choice, promoted)
        compared = compare(classifier, candidate, kept)
    except (ModelError, NothingToCompareOn) as exc:
        return Held(refused(base, f"{whose}; {exc}"))
    judgement, why = judged(compared, learning.examples_per_label)
    require_offered()
    if judgement != "worse":
        Versions(choice.state_dir).add(version, learning.keep_versions)
    document = {
        **refused(base, f"{whose}; {why}", version.card.examples),
        "version": None if judgement == "worse" else version.card.name,
        "new_labels": sorted({*candidate.categories} - {*classifier.categories}),
        "seconds": round(time.perf_counter() - began, 2),
        **comparison_json(_on(compared, own=True) or compared.trial),
        "judgement": judgement,
    }
    names = {one: name_of(example) for one, example in compared.kept.items()}
    return Held(cast(LessonDocument, document), names)


def judged(compared: Compared, fewest: int) -> tuple[str, str]:
    """Say "better", "as good" or "worse", and why. fewest: own photos that say anything."""
    own = _on(compared, own=True)
    photos = 0 if own is None else len(own.after)
    if own is not None:
        judgement, why = own.judgement()
        if judgement == "worse":
            return judgement, f"{why}; {_ON_OWN}"
    others = _on(compared, own=False)
    if others is not None and others.judgement()[0] == "worse":
        return "worse", f"{others.judgement()[1]}; {_ON_OTHERS}"
    if own is None or photos < fewest:
        return "as good", ENGLISH.many("lessons.why.few_own", photos, fewest=fewest)
    return judgement, f"{why}; {_ON_OWN}"


def _trusted(
    classifier: Classifier, choice: Choice, promoted: Promoted
) -> tuple[Classifier, Version]:
    path = file_of_promoted(choice.state_dir)
    _require_bytes(path, promoted)
    version = load_version(path, classifier.bundle)
    candidate = try_out(choice, path)
    _require_bytes(path, promoted)  # else the next one may have come, and was read
    version = replace(version, card=version.card.model_copy(update={"name": promoted["name"]}))
    _require_free(Versions(choice.state_dir), version, classifier)
    return candidate, version


def _require_bytes(path: Path, promoted: Promoted) -> None:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as exc:
        raise ModelError(f"{path}: cannot be read ({exc.strerror})") from exc
    if digest != promoted["sha256"]:
        raise ModelError("its bytes are not those that were promoted")


def _require_free(versions: Versions, version: Version, classifier: Classifier) -> None:
    """Never in place of another that came under that name: that may be the one which judges."""
    name = version.card.name
    if name not in versions.names():
        return
    try:
        is_other = load_version(versions.file(name), classifier.bundle).digest != version.digest
    except ModelError:
        is_other = True
    if is_other:
        raise ModelError(f"there is another version {name} here; let that station learn anew")


def _on(compared: Compared, *, own: bool) -> Trial | None:
    """The trial on this station's own photos alone, or on all others; None: there are none."""
    trial = compared.trial
    chosen = [(one.id in compared.kept) is own for one in trial.after]
    if not any(chosen):
        return None
    before, after = (
        tuple(one for one, is_it in zip(side, chosen, strict=True) if is_it)
        for side in (trial.before or (), trial.after)
    )
    old = tuple(one for one, is_it in zip(trial.old, chosen, strict=True) if is_it)
    return Trial(before, after, old, None, 0)
