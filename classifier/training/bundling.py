"""From a fitted network to a bundle: convert, calibrate, measure, write.

The figures are those of the int8 model, as it will run.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from classifier.training import (
    augment,
    calibrate,
    card,
    export,
    looks,
    measures,
    network,
    novelty,
    pictures,
    specimens,
)
from classifier.training.dataset import Dataset
from classifier.training.measures import Choice, Scored
from classifier.training.novelty import Learned

Pixels = npt.NDArray[np.uint8]
REPRESENTATIVES = 200
UNSEEN = "kinds never seen"
SPLIT_WORDS = (
    "by product (ids / 10) and near-twin, by hash: 72 % training, 14 % validation, "
    "14 % hold-out (holdout.txt)"
)


@dataclass(frozen=True, slots=True)
class About:
    """What the card says that no measurement does."""

    name: str
    version: str
    seed: int
    recipe: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    words: dict[str, list[str]] = field(default_factory=dict)
    sisters: list[dict[str, Any]] = field(default_factory=list)


def make_bundle(
    folder: Path, model: keras.Model, data: Dataset, labels: list[str], about: About
) -> dict[str, Any]:
    """Write the bundle into folder and return its card."""
    plain = Scorer(data, labels, lambda pixels: network.predict(model, pixels)[1])
    tells_unknowns = len(labels) > len(data.categories)
    if tells_unknowns:
        model = network.with_constant_label(model, background(plain))
        labels = [*labels, card.BACKGROUND]
    rng = np.random.default_rng(about.seed)
    trained_on = [i for i, item in enumerate(data.items) if item.side == "train"]
    shown = rng.choice(trained_on, min(REPRESENTATIVES, len(trained_on)), replace=False)
    content = export.to_tflite(model, representatives(data.pixels[np.sort(shown)]))
    learned = learn_novelty(data, content, temperature(plain)) if tells_unknowns else None
    trained = card.Trained(content, learned)
    score = Scorer(data, labels, lambda pixels: scores(trained, pixels))
    choice = choose(score)
    scored = holdout(score)
    metrics = measure(score, scored, choice)
    for sister in about.sisters:
        metrics["unknown"] |= quoted(sister)
        metrics["unseen_kinds"] |= sister["metrics"]["unseen_kinds"]
    metrics["doubtful_labels"] = doubtful(score, above=0.95)
    metrics["float"] = measures.figures(plain.known("test"), len(data.categories), choice)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = pictures.draw_all(folder, about.history, scored["as stored"], data.categories, choice)
    document = card.card(
        (about.name, about.version, datetime.datetime.now(datetime.UTC).date().isoformat()),
        trained=trained,
        labels=labels,
        categories=data.categories,
        choice=choice,
        metrics=metrics,
        training={
            **about.words,
            "recipe": about.recipe,
            "seed": about.seed,
            "split": SPLIT_WORDS,
            "pictures": drawn,
            "size_bytes": len(content),
            "history": about.history,
        },
    )
    drawings = specimens.draw()
    specimens.write(folder, drawings)
    document["self_test"] = specimens.self_test(drawings, score.logits_of)
    rows = holdout_rows(data, labels)
    document[looks.KEY] = looks.before(folder, rows)
    document = looks.with_look(document, "training")
    card.write(folder, trained, document, rows)
    return document


def learn_novelty(data: Dataset, content: bytes, temperature: float) -> Learned:
    """Learn what the model's embeddings of known photos span, as stored and at 60x80."""

    def embeddings(pixels: Pixels) -> Any:
        return export.run_tflite(content, pixels)[0]

    shown = data.pixels[data.where(side="train", known=True)]
    small = [
        augment.round_trip(data.pixels[i])
        for i in data.where(side="train", source="catalogue", known=True)
    ]
    held_back = data.pixels[data.where(side="validation", source="catalogue", known=True)]
    spanned = np.concatenate([embeddings(shown), embeddings(np.stack(small))])
    return novelty.learn(spanned, embeddings(held_back), temperature)


def scores(trained: card.Trained, pixels: Pixels) -> Any:
    """Logits as the classifier will have them."""
    embeddings, logits = export.run_tflite(trained.model, pixels)
    if trained.novelty is not None:
        logits[:, -1] += trained.novelty.scores(embeddings)
    return logits


def representatives(pixels: Pixels) -> Pixels:
    """Photos for the ranges of activations: every other one as the old catalogue stores it."""
    return np.stack([augment.round_trip(p) if i % 2 else p for i, p in enumerate(pixels)])


@dataclass(frozen=True, slots=True)
class Scorer:
    """Logits of the photos of a side and source, as they are or spoilt."""

    data: Dataset
    labels: list[str]
    logits_of: Callable[[Pixels], Any]

    def known(self, side: str, source: str = "catalogue") -> Scored:
        """Photos of the categories."""
        return self.score(self.data.where(side=side, source=source, known=True))

    def known_small(self, side: str) -> Scored:
        """Photos of the categories sent through the old catalogue."""
        wanted = self.data.where(side=side, source="catalogue", known=True)
        return self.score(wanted, augment.round_trip)

    def unknown(self, side: str) -> Scored:
        """Photos of kinds outside the categories that the model has a label for."""
        return self.score(
            [i for i in self.data.where(side=side, known=False) if self._label(i) >= 0]
        )

    def unseen(self) -> Scored:
        """Photos of kinds that the model has no label for, whatever their side."""
        return self.score([i for i in self.data.where(known=False) if self._label(i) < 0])

    def unseen_kinds(self) -> dict[tuple[str, str], Scored]:
        """The same, by kind and source."""
        items = self.data.items
        found = sorted({(i.label, i.source) for i in items if i.label not in self.labels})
        return {
            (label, source): self.score(self.data.where(label=label, source=source))
            for label, source in found
        }

    def score(
        self, wanted: Sequence[int], spoil: Callable[[Pixels], Pixels] | None = None
    ) -> Scored:
        """Logits of any photos; truth is -1 where the model has no label."""
        truth = np.array([self._label(i) for i in wanted], np.int64)
        if not len(wanted):
            return Scored(truth, np.zeros((0, len(self.labels)), np.float32))
        pixels = self.data.pixels[list(wanted)]
        if spoil is not None:
            pixels = np.stack([spoil(one) for one in pixels])
        return Scored(truth, self.logits_of(pixels))

    def _label(self, index: int) -> int:
        label = self.data.items[index].label
        return self.labels.index(label) if label in self.labels else -1


def background(score: Scorer) -> float:
    """The score of the label that stands for everything else: well below that of a known photo."""
    known, count = score.known("validation"), len(score.data.categories)
    return measures.background(known, count, temperature(score))


def temperature(score: Scorer) -> float:
    """The temperature by the catalogue's validation photos alone."""
    known = score.known("validation")
    return calibrate.fit_temperature(known.logits, known.truth, len(score.data.categories))


def choose(score: Scorer) -> Choice:
    """Choose temperature, gate and bands on validation: as stored, at 60x80, and by phone."""
    known = measures.joined(
        score.known("validation"),
        score.known_small("validation"),
        score.known("validation", "phone"),
    )
    return measures.choose(known, len(score.data.categories))


def holdout(score: Scorer) -> dict[str, Scored]:
    """What is reported on, by name; sources that the data lacks are left out."""
    found = {
        "as stored": score.known("test"),
        "60x80 and back, JPEG 75": score.known_small("test"),
        "native 60x80, other products": score.known("test", "small"),
        "phone photos": score.known("test", "phone"),
    }
    return {name: scored for name, scored in found.items() if len(scored)}


def measure(score: Scorer, scored: dict[str, Scored], choice: Choice) -> dict[str, Any]:
    """All figures of the card."""
    count = len(score.data.categories)
    plain = scored["as stored"]
    unknown = {
        "kinds it has labels for": score.unknown("test"),
        UNSEEN: score.unseen(),
    }
    return {
        "holdout": {n: measures.figures(s, count, choice) for n, s in scored.items()},
        "unknown": {
            name: measures.unknown_figures(plain, found, count, choice)
            for name, found in unknown.items()
            if len(found)
        },
        "unseen_kinds": {
            f"{kind}, {source}": measures.unknown_figures(plain, found, count, choice)
            for (kind, source), found in score.unseen_kinds().items()
        },
        "categories": measures.per_category(plain, score.data.categories, choice),
        "confusion": measures.confusion(plain, count, choice).tolist(),
        "auto_thresholds": measures.threshold_table(plain, count, choice),
        "validation": measures.figures(score.known("validation"), count, choice),
    }


def quoted(sister: dict[str, Any]) -> dict[str, Any]:
    """What a card trained without some kinds says of them: this model has seen them all."""
    found = sister["metrics"]["unknown"]
    kinds = ", ".join(sister["training"]["recipe"]["left_out"])
    return {
        f"{name}, by a sister model ({kinds})": row
        for name, row in found.items()
        if name.startswith(UNSEEN)
    }


def holdout_rows(data: Dataset, labels: list[str]) -> list[tuple[str, str, str]]:
    """Source, label and path of every photo that was kept back."""
    return [
        (
            item.source if item.known else "unknown",
            item.label,
            item.path.relative_to(data.root).as_posix(),
        )
        for item in data.items
        if item.side == "test" or item.label not in labels
    ]


def doubtful(score: Scorer, above: float) -> list[str]:
    """Validation and hold-out photos whose label the model contradicts with great confidence."""
    data = score.data
    wanted = [i for i, item in enumerate(data.items) if item.known and item.side != "train"]
    scored = score.score(wanted)
    judged = calibrate.judge(scored.logits, len(data.categories), 1.0)
    found = ~judged.right(scored.truth) & (judged.confidence >= above)
    return [
        f"{data.items[wanted[i]].path.stem}: labelled {data.items[wanted[i]].label}, "
        f"looks like {data.categories[judged.best[i]]}"
        for i in np.flatnonzero(found)
    ]
