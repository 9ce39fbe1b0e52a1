"""The bundle on disk: model, labels, card, hold-out list, and the model card for people."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.training.measures import AUTO_PROMISE, Choice
from classifier.training.novelty import Learned

EMBEDDING = 1280
BACKGROUND = "Something else"
NOVELTY = "novelty.npy"
MEASURED_WORDS = (
    "The int8 model, on products that no photo in training or validation shows. 95 % intervals in "
    "brackets."
)
ELSEWHERE_WORDS = (
    "This is what to expect. The photos kept back come from the same series of products as those "
    "it learnt from, and flatter it; below they are weighed as photos of truly other products are: "
    "as near to the nearest photo that was learnt from (cosine of the embeddings' roots), as often "
    "of each category. `docs/decisions/0022-honest-figures.md` says why."
)
HOLDOUT = "holdout.txt"
HOLDOUT_HEAD = """\
# Photos that this model was never fitted or tuned on. Source, label, path under the data folder;
# tabs between. Sources catalogue, small and phone show one of the categories, unknown does not.
# This makes a folder for `nightsort evaluate`:
#   python -m classifier.training.holdout DATA eval/ [--bundle models/fashion] [--source catalogue]
"""


@dataclass(frozen=True, slots=True)
class Trained:
    """What training leaves: the int8 model, and what is usual to it."""

    model: bytes
    novelty: Learned | None = None


def card(
    title: tuple[str, str, str],
    trained: Trained,
    labels: Sequence[str],
    categories: Sequence[str],
    choice: Choice,
    metrics: dict[str, Any],
    training: dict[str, Any],
) -> dict[str, Any]:
    """Everything a program must know of a bundle, and what a person may ask.

    title: name, version, date of making.
    """
    name, version, created = title
    gate = None
    if choice.unknown is not None:
        gate = {"method": "other_labels", "threshold": choice.unknown}
    return {
        "format": 1,
        "name": name,
        "version": version,
        "created": created,
        "file": "model.tflite",
        "sha256": hashlib.sha256(trained.model).hexdigest(),
        "input": {
            "width": 224,
            "height": 224,
            "dtype": "uint8",
            "colour": "RGB",
            "resize": "stretch",
        },
        "outputs": {"logits": len(labels), "embedding": EMBEDDING},
        "labels": list(labels),
        "categories": list(categories),
        "calibration": {"method": "temperature", "temperature": choice.temperature},
        "unknown": gate,
        "novelty": _novelty(trained.novelty),
        "bands": {
            "auto": choice.auto,
            "review": choice.review,
            "promise": AUTO_PROMISE,
        },
        "metrics": metrics,
        "training": training,
    }


def _novelty(learned: Learned | None) -> dict[str, Any] | None:
    if learned is None:
        return None
    return {
        "file": NOVELTY,
        "sha256": hashlib.sha256(learned.file()).hexdigest(),
        "usual": learned.usual,
        "weight": learned.weight,
    }


def write(
    folder: Path,
    trained: Trained,
    document: dict[str, Any],
    holdout: Sequence[tuple[str, str, str]],
) -> None:
    """Write the bundle. holdout: source, label and path under the data folder of each photo."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(trained.model)
    if trained.novelty is not None:
        (folder / NOVELTY).write_bytes(trained.novelty.file())
    lines = [f"{label}\n" for label in document["labels"]]
    (folder / "labels.txt").write_text("".join(lines), encoding="utf-8")
    (folder / HOLDOUT).write_text(holdout_text(holdout), encoding="utf-8")
    write_card(folder, document)


def holdout_text(holdout: Iterable[tuple[str, str, str]]) -> str:
    """What the list of the hold-out says."""
    return HOLDOUT_HEAD + "".join("\t".join(row) + "\n" for row in sorted(holdout))


def write_card(folder: Path, document: dict[str, Any]) -> None:
    """Write the card, for programs and for people."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (folder / "card.json").write_text(text, encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(model_card(document), encoding="utf-8")


def model_card(document: dict[str, Any]) -> str:
    """The card in words and tables."""
    training, metrics = document["training"], document["metrics"]
    parts = [
        f"# {document['name']} {document['version']}",
        _opening(document),
        *_elsewhere(metrics.get("elsewhere", {}), metrics.get("nearness", [])),
        "## Measured on photos kept back",
        MEASURED_WORDS,
        _looks(document),
        _known_table(metrics),
        _quantised(metrics),
        _unknown_table(metrics.get("unknown", {})),
        _unseen_table(metrics.get("unseen_kinds", {})),
        *metrics.get("notes", []),
        "## Per category",
        _category_table(metrics.get("categories", {})),
        "## Moving the threshold of band auto",
        _threshold_table(metrics.get("auto_thresholds", [])),
        "## How it decides",
        _decides(document),
        _tests_itself(document.get("self_test")),
        _learns(document),
        "## Training",
        _list(training.get("data", []), "Data"),
        _list(training.get("sources", []), "Sources"),
        _list(training.get("licences", []), "Licences"),
        f"Split: {training.get('split', '')}.",
        f"Recipe, seed {training.get('seed')}:",
        "```json\n" + json.dumps(training.get("recipe", {}), indent=2) + "\n```",
        "## Limits",
        _list(training.get("limits", []), "Known"),
        _list(metrics.get("doubtful_labels", []), "Photos whose label the model contradicts"),
        _pictures(training.get("pictures", [])),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(document: dict[str, Any]) -> str:
    size, categories = document["training"].get("size_bytes", 0), document["categories"]
    return (
        f"MobileNetV2 1.0 at 224 px, int8, {size / 1e6:.2f} MB, made on {document['created']}. "
        f"It files photos into {len(categories)} categories: {', '.join(categories)}. The other "
        f"{len(document['labels']) - len(categories)} labels are there so that it can say "
        "`unknown`; nothing is ever filed under them."
    )


def _decides(document: dict[str, Any]) -> str:
    gate, bands = document["unknown"], document["bands"]
    sentence = (
        "Confidence is the softmax over the categories at temperature "
        f"{document['calibration']['temperature']}, fitted on validation. Band auto begins at "
        f"{bands['auto']}, set for {bands.get('promise', AUTO_PROMISE)} of it to be right, review "
        f"lies below {bands['review']}."
    )
    if gate is None:
        return sentence
    return (
        f"{sentence} A photo whose labels outside the categories together have more than "
        f"{gate['threshold']} goes to review as `unknown`. One of them, `{BACKGROUND}`, wins where "
        "nothing speaks for any of the others: its score is low, and the higher the more of a "
        f"photo's embedding lies outside what known photos span (`{NOVELTY}`, half precision: "
        "their mean, then the axes)."
    )


def _tests_itself(test: dict[str, Any] | None) -> str:
    if not test:
        return ""
    count = len(test["specimens"])
    return (
        f"Before it sorts anything, and before each run, it looks at {count} drawn pictures of its "
        "own (`self-test-*.png`): where what it says of one differs by more than "
        f"{test['tolerance']} (root mean square of the logits), nothing is sorted."
    )


def _learns(document: dict[str, Any]) -> str:
    """What a lesson on the box finds."""
    spec = document.get("learning")
    if not spec:
        return ""
    layer = document["outputs"].get("layer")
    richer = f", and an earlier layer's {layer['channels']} channels pooled" if layer else ""
    return (
        f"Heads can be learnt over it (`nightsort learn`): `{spec['file']}` holds each label's "
        "mean, one covariance shared by all, and held-out photos as the network sees them, no "
        f"picture among them. A learnt head works on the embedding{richer}; "
        "`docs/decisions/0016-learning.md` says how, and how well."
    )


def _known_table(metrics: dict[str, Any]) -> str:
    rows = ["| photos | n | accuracy | ECE (before) | auto: share, right | filed: share, right |"]
    rows.append("|---|---|---|---|---|---|")
    for name, found in metrics.get("holdout", {}).items():
        low, high = found["interval_95"]
        rows.append(
            f"| {name} | {found['n']} | {found['accuracy']:.3f} [{low:.3f}, {high:.3f}] "
            f"| {found['ece']:.3f} ({found['ece_uncalibrated']:.3f}) "
            f"| {found['auto']['share']:.3f}, {found['auto']['accuracy']:.3f} "
            f"| {found['filed']['share']:.3f}, {found['filed']['accuracy']:.3f} |"
        )
    return "\n".join(rows)


def _looks(document: dict[str, Any]) -> str:
    """How often the hold-out was looked at, as far as that is known."""
    looks = document.get("holdout_looks", [])
    if not looks:
        return ""
    of_this = sum(look["version"] == document["version"] for look in looks)
    listed = ", ".join(f"{look['version']} by {look['by']} on {look['on']}" for look in looks)
    times = "once" if len(looks) == 1 else f"{len(looks)} times that are known"
    return (
        f"These photos were looked at {times}, {of_this} of them for this release ({listed}). "
        "Each look flatters what is chosen after it."
    )


def _elsewhere(rows: dict[str, Any], steps: Sequence[dict[str, Any]]) -> list[str]:
    """What to expect of products that have nothing to do with those of the training."""
    if not rows:
        return []
    return ["## On other products", ELSEWHERE_WORDS, _weighed_table(rows), _nearness_table(steps)]


def _weighed_table(rows: dict[str, Any]) -> str:
    lines = ["| photos, weighed | n | count as | accuracy | ECE | auto: share, right | to review |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, found in rows.items():
        low, high = found["interval_95"]
        lines.append(
            f"| {name} | {found['n']} | {found['counts_as']} "
            f"| {found['accuracy']:.3f} [{low:.3f}, {high:.3f}] | {found['ece']:.3f} "
            f"| {found['auto']['share']:.3f}, {found['auto']['accuracy']:.3f} "
            f"| {found['review']:.3f} |"
        )
    return "\n".join(lines)


def _nearness_table(steps: Sequence[dict[str, Any]]) -> str:
    lines = [
        "| nearest photo that was learnt from | kept back, at 60x80: n, right | others: n, right |",
        "|---|---|---|",
    ]
    for step in steps:
        cells = [
            f"{found['n']}, {found['accuracy']:.3f}" if (found := step.get(name)) else "0"
            for name in ("held_out", "other_products")
        ]
        lines.append(f"| {step['from']:.3f} to {step['to']:.3f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _quantised(metrics: dict[str, Any]) -> str:
    """What the conversion to int8 costs."""
    if "float" not in metrics or not metrics["holdout"]:
        return ""
    name, converted = next(iter(metrics["holdout"].items()))
    before, after = metrics["float"]["accuracy"], converted["accuracy"]
    return (
        f"Before its conversion to int8 the same network is right on {before:.3f} of the photos "
        f"{name}, after it on {after:.3f}."
    )


def _unknown_table(found: dict[str, Any]) -> str:
    if not found:
        return ""
    rows = ["| things outside the categories | n | AUROC | to review | known gated |"]
    rows.append("|---|---|---|---|---|")
    for name, row in found.items():
        rows.append(
            f"| {name} | {row['n']} | {row['auroc']:.3f} | {row['review']:.3f} "
            f"| {row['known_gated']:.3f} |"
        )
    return "\n".join(rows)


def _unseen_table(found: dict[str, Any]) -> str:
    """Each kind by a model that never saw one of it, the hardest first."""
    if not found:
        return ""
    rows = ["| kind never seen, source | n | told as unknown | to review |", "|---|---|---|---|"]
    for name, row in sorted(found.items(), key=lambda one: one[1]["review"]):
        rows.append(f"| {name} | {row['n']} | {row['gated']:.3f} | {row['review']:.3f} |")
    photos = sum(row["n"] for row in found.values())
    means = [
        (
            sum(row[key] for row in found.values()) / len(found),
            sum(row[key] * row["n"] for row in found.values()) / photos,
        )
        for key in ("gated", "review")
    ]
    for at, name in enumerate(("mean of the kinds", "mean of the photos")):
        rows.append(f"| **{name}** | {photos} | {means[0][at]:.3f} | {means[1][at]:.3f} |")
    return "\n".join(rows)


def _category_table(found: dict[str, Any]) -> str:
    rows = ["| category | precision | recall | F1 | n |", "|---|---|---|---|---|"]
    for name, row in found.items():
        rows.append(
            f"| {name} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} "
            f"| {row['support']} |"
        )
    return "\n".join(rows)


def _threshold_table(rows: Sequence[dict[str, float]]) -> str:
    lines = ["| threshold | filed without a look | right there |", "|---|---|---|"]
    lines += [f"| {r['threshold']} | {r['share']:.3f} | {r['accuracy']:.3f} |" for r in rows]
    return "\n".join(lines)


def _list(entries: Sequence[str], title: str) -> str:
    return "\n".join([f"{title}:", "", *(f"- {entry}" for entry in entries)]) if entries else ""


def _pictures(names: Sequence[str]) -> str:
    if not names:
        return ""
    return "\n".join(["## Pictures", "", *(f"![{Path(n).stem}]({n})" for n in names)])
