"""What learning on the box brings: lessons on real photos, and what features and heads cost.

Needs the folder of photos that the bundle was trained on (--data). The network has seen most of
them, so only two kinds are honest about what is new: the phone photos of `shoes` and `longsleeve`,
which no training ever used. Of the other kinds the head at least knows nothing: they are taken out
of the base's statistics before they are taught. Old categories are the bundle's hold-out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import Bench, Figures
from classifier.bundle import Bundle
from classifier.classifier import Classifier
from classifier.evaluation import expected_calibration_error
from classifier.features import Features
from classifier.learning.base import Base, load_base
from classifier.learning.lesson import Example, Lesson, Request, learn
from classifier.pixels import decode
from classifier.proportions import wilson
from classifier.verdict import Band, Verdict

NEVER_SEEN = ("shoes", "longsleeve")
LEFT_OUT = ("Flats", "Sweaters", "Innerwear Vests")
FOOTWEAR = ("Flats", "shoes")  # beside three kinds of footwear among the ten; flats are left out
TAUGHT = (20, 60)
SEEDS = (1, 2, 3)
TARGETS = {
    "taught 20": 0.75, "taught 60": 0.85, "old": 0.925, "old loses": 0.015, "outside": 0.90,
    "another shop": 0.88, "ece": 0.03, "wrong labels cost": 0.03, "photo costs": 1.15,
    "seconds": 30, "peak_mb": 400,
}  # fmt: skip
_TAUGHT_TITLES = {
    "never_seen": "kinds never seen",
    "left_out_kinds": "kinds left out of the base",
    "footwear": "footwear",
}


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Photos as the network sees them, with their true labels."""

    features: Features
    labels: NDArray[np.str_]
    ids: NDArray[np.str_]

    def where(self, chosen: NDArray[Any]) -> Photos:
        """Some of them, by places or by a mask."""
        return Photos(self.features[chosen], self.labels[chosen], self.ids[chosen])

    def of(self, labels: Iterable[str]) -> Photos:
        """Those with these labels."""
        return self.where(np.isin(self.labels, list(labels)))

    def beside(self, other: Photos) -> Photos:
        """These and others."""
        return Photos(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.ids, other.ids]),
        )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All that the lessons are made of."""

    bundle: Bundle
    base: Base
    classifier: Classifier
    old: Photos  # the bundle's hold-out of the ten
    native: Photos  # those of them that are 60x80, of other products
    outside: Photos  # its hold-out of other things
    kinds: Photos  # fashion-products/other
    shop: Photos  # clothing/train
    shop_test: Photos  # clothing/validation


def learning(bench: Bench) -> Figures:
    """All lessons; what they cost in processes of their own."""
    if bench.data is None:
        return {"left_out": "no photos: name their folder with --data"}
    material = _material(bench)
    new = material.shop.where(np.isin(material.shop.labels, NEVER_SEEN))
    return {
        "targets": TARGETS,
        "same_verdicts": bench.child("same_verdicts", bench.data, bench.photos(1248)),
        "costs": bench.child("photo_costs", bench.photos(400)),
        "never_seen": _taught(material, new, material.base, bench.rounds),
        "left_out_kinds": _taught(
            material, material.kinds.of(LEFT_OUT), material.base.without(LEFT_OUT), bench.rounds
        ),
        "footwear": _footwear(material, bench.rounds),
        "another_shop": _another_shop(material),
        "lesson_of_30": bench.child("lesson", bench.data, 30),
        "lesson_of_3000": bench.child("lesson", bench.data, bench.photos(3000)),
    }


def _material(bench: Bench) -> Material:
    classifier = Classifier.load()
    bundle, data = classifier.bundle, Path(bench.data or "")
    held = list(held_out(bundle, data))
    every = 10 if bench.quick else 1

    def seen(photos: Sequence[tuple[Path, str]]) -> Photos:
        return photographed(classifier, photos[::every])

    return Material(
        bundle=bundle,
        base=load_base(bundle),
        classifier=classifier,
        old=seen([(path, label) for source, label, path in held if source != "unknown"]),
        native=seen([(path, label) for source, label, path in held if source == "small"]),
        outside=seen([(path, label) for source, label, path in held if source == "unknown"]),
        kinds=seen(labelled(data / "fashion-products" / "other")),
        shop=seen(labelled(data / "clothing" / "train")),
        shop_test=seen(labelled(data / "clothing" / "validation")),
    )


def held_out(bundle: Bundle, data: Path) -> Iterator[tuple[str, str, Path]]:
    """Source, label and path of the photos of holdout.txt."""
    for line in (bundle.folder / "holdout.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            source, label, path = line.split("\t")
            yield source, label, data / path


def labelled(folder: Path) -> list[tuple[Path, str]]:
    """Photos of <label>/*."""
    return [(path, path.parent.name) for path in sorted(folder.glob("*/*"))]


def photographed(classifier: Classifier, photos: Iterable[tuple[Path, str]]) -> Photos:
    """Let the network look at photos."""
    found, labels, ids = [], [], []
    for path, label in photos:
        ((_, features),) = classifier.examine([decode(path.read_bytes())])
        found.append(features)
        labels.append(label)
        ids.append(f"{label}/{path.name}")
    return Photos(np.stack(found), np.array(labels), np.array(ids))


def examples(photos: Photos, labels: Sequence[str] | None = None) -> list[Example]:
    """As a person would have named them, or as `labels` says. Views of a product are a return."""
    return [
        Example(str(name), features, str(label), group=_product(str(name)), source="upload")
        for name, features, label in zip(
            photos.ids, photos.features, photos.labels if labels is None else labels, strict=True
        )
    ]


def _product(name: str) -> str:
    stem = Path(name).stem
    return str(int(stem) // 10) if stem.isdecimal() else ""


def split(photos: Photos, each: int, seed: int) -> tuple[Photos, Photos]:
    """So many of each label to teach, whole products, and what is left to try."""
    rng = np.random.default_rng(seed)
    taught = np.zeros(len(photos), bool)
    for label in np.unique(photos.labels):
        own = np.flatnonzero(photos.labels == label)
        products = np.array([_product(str(photos.ids[at])) or str(photos.ids[at]) for at in own])
        order = {name: at for at, name in enumerate(rng.permutation(np.unique(products)))}
        ranked = own[np.argsort([order[name] for name in products], kind="stable")]
        taught[ranked[:each]] = True
    return photos.where(taught), photos.where(~taught)


def _taught(material: Material, new: Photos, base: Base, rounds: int) -> Figures:
    """Kinds taught beside the ten, with so many photos each; the mean of several draws."""
    return {
        str(each): _mean([_one_draw(material, new, base, each, seed) for seed in SEEDS[:rounds]])
        for each in TAUGHT
    }


def _footwear(material: Material, rounds: int) -> Figures:
    new = material.kinds.of(FOOTWEAR).beside(material.shop.of(FOOTWEAR))
    return _taught(material, new, material.base.without(FOOTWEAR), rounds)


def _one_draw(material: Material, new: Photos, base: Base, each: int, seed: int) -> Figures:
    shown, tried = split(new, each, seed)
    lesson = _learn(material, base, examples(shown))
    if lesson.version is None:
        return {"judgement": lesson.judgement}
    after = material.classifier.with_version(lesson.version)
    outside = material.outside.where(~np.isin(material.outside.labels, np.unique(new.labels)))
    both = [*after.judge(tried.features), *after.judge(material.old.features)]
    truth = [*tried.labels, *material.old.labels]
    return {
        "taught": _right(after, tried),
        "old": _right(after, material.old),
        "old_before": _right(material.classifier, material.old),
        "outside_to_review": _in_review(after, outside),
        "outside_before": _in_review(material.classifier, outside),
        "old_gated": _in_review(after, material.old),
        "ece": _ece(both, truth),
        "elsewhere": _elsewhere(after, tried.beside(material.native)),
        "auto": _auto(both, truth),
        "judgement": lesson.judgement,
    }


def _elsewhere(classifier: Classifier, photos: Photos) -> Figures:
    """How honest confidence is over other products, and how it would look by chance if it were."""
    verdicts = classifier.judge(photos.features)
    confidence = np.array([v.confidence for v in verdicts])
    rng = np.random.default_rng(1)
    by_chance = [
        expected_calibration_error(confidence, rng.random(len(confidence)) < confidence)
        for _ in range(30)
    ]
    ece = _ece(verdicts, list(photos.labels))
    return {"ece": ece, "perfect": float(np.mean(by_chance)), "n": len(photos)}


def _another_shop(material: Material) -> Figures:
    """All labels of the phone photos, and nothing else; then with wrong and shuffled labels."""
    rng = np.random.default_rng(1)
    shown, tried = material.shop, material.shop_test
    names = np.unique(shown.labels)
    wrong = shown.labels.copy()
    chosen = rng.random(len(wrong)) < 0.1
    wrong[chosen] = rng.choice(names, int(chosen.sum()))
    found: Figures = {"photos": len(shown)}
    for title, labels in (
        ("right labels", shown.labels),
        ("10 % wrong", wrong),
        ("shuffled", rng.permutation(shown.labels)),
    ):
        lesson = _learn(material, material.base, examples(shown, list(labels)), only=True)
        found[title] = {"judgement": lesson.judgement, "why": lesson.why}
        if lesson.version is not None:
            after = material.classifier.with_version(lesson.version)
            verdicts = after.judge(tried.features)
            found[title] |= {
                "right": _right(after, tried),
                "ece": _ece(verdicts, list(tried.labels)),
                "auto": _auto(verdicts, list(tried.labels)),
                "doubtful": len(lesson.doubtful),
            }
    few, _ = split(shown, 20, 1)
    lesson = _learn(material, material.base, examples(few), only=True)
    if lesson.version is not None:
        found["20 each"] = {
            "right": _right(material.classifier.with_version(lesson.version), tried)
        }
    return found


def _learn(
    material: Material, base: Base, told: Sequence[Example], *, only: bool = False
) -> Lesson:
    request = Request(name="bench", learnt="2026-01-01T00:00:00+00:00", only=only)
    return learn(base, material.bundle, told, request, material.classifier)


def _right(classifier: Classifier, photos: Photos) -> Figures:
    verdicts = classifier.judge(photos.features)
    hits = sum(v.category == label for v, label in zip(verdicts, photos.labels, strict=True))
    return _proportion(hits, len(photos))


def _in_review(classifier: Classifier, photos: Photos) -> Figures:
    verdicts = classifier.judge(photos.features)
    return _proportion(sum(v.band is Band.REVIEW for v in verdicts), len(photos))


def _auto(verdicts: Sequence[Verdict], truth: Sequence[str]) -> Figures:
    inside = [v.category == t for v, t in zip(verdicts, truth, strict=True) if v.band is Band.AUTO]
    return _proportion(sum(inside), len(inside)) | {"share_of_all": len(inside) / len(verdicts)}


def _ece(verdicts: Sequence[Verdict], truth: Sequence[str]) -> float:
    confidence = np.array([v.confidence for v in verdicts])
    right = np.array([v.category == t for v, t in zip(verdicts, truth, strict=True)])
    return expected_calibration_error(confidence, right)


def _proportion(hits: int, total: int) -> Figures:
    low, high = wilson(hits, total)
    return {"share": hits / max(total, 1), "n": total, "low": low, "high": high}


def _mean(draws: Sequence[Mapping[str, Any]]) -> Figures:
    """Shares averaged over draws. n is that of one, and so is the interval: draws share photos."""
    first = dict(draws[0])
    for key, value in first.items():
        if key == "elsewhere":
            for figure in ("ece", "perfect"):
                value[figure] = float(np.mean([draw[key][figure] for draw in draws]))
        elif isinstance(value, dict):
            share = float(np.mean([draw[key]["share"] for draw in draws]))
            low, high = wilson(round(share * value["n"]), value["n"])
            first[key] = value | {"share": share, "low": low, "high": high}
        elif isinstance(value, float):
            first[key] = float(np.mean([draw[key] for draw in draws]))
    first["judgement"] = ", ".join(str(draw["judgement"]) for draw in draws)
    return first


def learning_rows(found: Figures) -> Iterator[list[str]]:
    """The table's rows."""
    if "left_out" in found:
        yield ["learning", found["left_out"], ""]
        return
    targets, same, costs = found["targets"], found["same_verdicts"], found["costs"]
    yield [
        "verdicts by NumPy as by the network's last layer",
        f"{same['same']:.2%} of {same['photos']}, confidence {same['confidence_off']:.4f} off",
        "≥ 99.9 %",
    ]
    for way in ("now", "learnt"):
        what = f"a photo's verdict, {way}, against before heads stood apart"
        yield [
            what,
            f"{costs[f'{way}_of_before']:.3f} times as much",
            f"≤ {targets['photo costs']}",
        ]
    for name, title in _TAUGHT_TITLES.items():
        for each, row in found.get(name, {}).items():
            yield from _taught_rows(f"{title}, {each} each", row, targets, each)
    yield from _shop_rows(found["another_shop"], targets)
    for name in ("lesson_of_30", "lesson_of_3000"):
        row = found[name]
        figure = (
            f"{row['seconds']:.1f} s, of which {row['processor_seconds']:.1f} s of a processor, "
            f"peak {row['peak_mb']:.0f} MB"
        )
        target = f"< {targets['seconds']} s, < {targets['peak_mb']} MB"
        yield [f"a lesson of {row['examples']} examples until it judges", figure, target]


def _taught_rows(what: str, row: Figures, targets: Figures, each: str) -> Iterator[list[str]]:
    yield [f"{what}: right", _words(row["taught"]), f"≥ {targets[f'taught {each}']:.0%}"]
    old = f"{_words(row['old'])}; before {row['old_before']['share']:.1%}"
    yield [f"{what}: old categories", old, f"≥ {targets['old']:.1%}, ≤ 1.5 points less"]
    outside = f"{_words(row['outside_to_review'])}; before {row['outside_before']['share']:.1%}"
    yield [f"{what}: other things to review", outside, f"≥ {targets['outside']:.0%}"]
    auto = f"auto {_words(row['auto'])}, {row['auto']['share_of_all']:.0%} of all"
    yield [f"{what}: confidence", f"ECE {row['ece']:.3f}; {auto}", f"ECE ≤ {targets['ece']}"]
    far = row["elsewhere"]
    figure = f"ECE {far['ece']:.3f} of {far['n']}; by chance, were it perfect, {far['perfect']:.3f}"
    yield [f"{what}: confidence beside native 60x80 photos", figure, f"ECE ≤ {targets['ece']}"]


def _shop_rows(found: Figures, targets: Figures) -> Iterator[list[str]]:
    right = found["right labels"]
    figure = f"{_words(right['right'])}; ECE {right['ece']:.3f}; auto {_words(right['auto'])}"
    yield [f"another shop, {found['photos']} photos", figure, f"≥ {targets['another shop']:.0%}"]
    yield ["another shop, 20 photos each", _words(found["20 each"]["right"]), ""]
    lost = right["right"]["share"] - found["10 % wrong"]["right"]["share"]
    yield ["another shop, 10 % wrong labels", f"{lost:.1%} less", "≤ 3.0%"]
    yield ["another shop, shuffled labels", found["shuffled"]["judgement"], "refused"]


def _words(share: Figures) -> str:
    return f"{share['share']:.1%} of {share['n']} [{share['low']:.1%}, {share['high']:.1%}]"
