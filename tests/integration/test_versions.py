"""Learnt versions over the real network: verdicts, swaps, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from classifier.bundle import load_bundle
from classifier.classifier import Classifier
from classifier.learning.base import load_base
from classifier.learning.lesson import Example, Request, learn
from classifier.pixels import Picture, decode
from classifier.verdict import judge, probabilities
from classifier.version import Version
from config.errors import ModelError
from tests.support.bundles import REAL_BUNDLE
from tests.support.photos import photo_bytes

DRAWN = 40


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return [decode(photo_bytes(seed=seed)) for seed in range(DRAWN)]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


def examples(classifier: Classifier, pictures: Sequence[Picture]) -> list[Example]:
    """Every drawn photo is a lamp or a vase, by its brightness."""
    bright = [float(one.pixels.mean()) for one in pictures]
    middle = float(np.median(bright))
    return [
        Example(str(at), features, "Lamps" if light < middle else "Vases")
        for at, ((_, features), light) in enumerate(
            zip(classifier.examine(pictures), bright, strict=True)
        )
    ]


@pytest.fixture(scope="module")
def version(classifier: Classifier, pictures: list[Picture]) -> Version:
    bundle = classifier.bundle
    told = examples(classifier, pictures)
    found = learn(load_base(bundle), bundle, told, Request(name="lamps", learnt="2026-11-26"))
    assert found.version is not None
    return found.version


def in_graph(pictures: Sequence[Picture]) -> tuple[Any, Any]:
    """Embeddings and logits as the network's own outputs have them."""
    model = (REAL_BUNDLE / "model.tflite").read_bytes()
    interpreter = Interpreter(model_content=model, num_threads=1)
    (entry,) = interpreter.get_input_details()
    pixels = np.stack([one.pixels for one in pictures])
    interpreter.resize_tensor_input(entry["index"], pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], pixels)
    interpreter.invoke()
    flat = [one for one in interpreter.get_output_details() if len(one["shape"]) == 2]
    found = {}
    for output in flat:
        scale, zero = output["quantization"]
        raw = interpreter.get_tensor(output["index"]).astype(np.float32)
        found[raw.shape[1]] = (raw - zero) * np.float32(scale)
    return found[1280], found[27]


def test_head_that_ships_says_what_the_networks_last_layer_says(
    classifier: Classifier, pictures: list[Picture]
) -> None:
    own, card = classifier._model.own_head, classifier.bundle.card
    embeddings, logits = in_graph(pictures)
    assert own.novelty is not None
    assert card.calibration is not None
    logits[:, -1] += own.novelty.scores(embeddings)
    shares = probabilities(logits, card.calibration.temperature)
    wanted = judge(shares, card.categories, classifier.thresholds, [None] * len(pictures))
    found = classifier.judge(np.stack([one for _, one in classifier.examine(pictures)]))
    assert [(v.category, v.band) for v in found] == [(v.category, v.band) for v in wanted]
    assert [v.confidence for v in found] == pytest.approx([v.confidence for v in wanted], abs=5e-3)


def test_examine_gives_verdicts_and_what_the_network_saw(
    classifier: Classifier, pictures: list[Picture]
) -> None:
    seen = classifier.examine(pictures[:6])
    assert [verdict for verdict, _ in seen] == classifier.classify(pictures[:6])
    assert {(features.shape, features.dtype.name) for _, features in seen} == {((2432,), "uint8")}


def test_verdict_can_be_given_again_from_what_was_kept(
    classifier: Classifier, pictures: list[Picture]
) -> None:
    kept = np.stack([features for _, features in classifier.examine(pictures)])
    again = classifier.judge(kept)
    verdicts = classifier.classify(pictures)
    sound = [at for at, v in enumerate(verdicts) if v.reason is None or "too" not in v.reason]
    assert [again[at].category for at in sound] == [verdicts[at].category for at in sound]
    assert [again[at].band for at in sound] == [verdicts[at].band for at in sound]
    # Products of other sizes are summed in another order.
    assert [again[at].confidence for at in sound] == pytest.approx(
        [verdicts[at].confidence for at in sound], abs=1e-5
    )


def test_version_files_into_its_categories_and_names_itself(
    classifier: Classifier, version: Version, pictures: list[Picture]
) -> None:
    learnt = classifier.with_version(version)
    assert learnt.categories == (*classifier.categories, "Lamps", "Vases")
    assert (classifier.title, learnt.title) == (classifier.bundle.card.title, "fashion lamps")
    assert {v.category for v in learnt.classify(pictures)} == {"Lamps", "Vases"}


def test_two_versions_take_turns_in_one_process(
    classifier: Classifier, version: Version, pictures: list[Picture]
) -> None:
    learnt = classifier.with_version(version)
    before, after = classifier.classify(pictures[:8]), learnt.classify(pictures[:8])
    for _ in range(3):
        assert learnt.classify(pictures[:8]) == after
        assert classifier.classify(pictures[:8]) == before
    assert learnt.with_version(None).classify(pictures[:8]) == before


def test_spares_of_a_version_agree_when_they_work_at_the_same_time(
    classifier: Classifier, version: Version, pictures: list[Picture]
) -> None:
    learnt = classifier.with_version(version)
    expected = learnt.classify(pictures[:8])
    spares = [learnt.spare(), classifier.spare().with_version(version)]
    with ThreadPoolExecutor(2) as pool:
        for answer in pool.map(lambda spare: spare.classify(pictures[:8]), spares):
            assert answer == expected


def test_version_is_loaded_tried_and_used(
    version: Version, pictures: list[Picture], tmp_path: Path, classifier: Classifier
) -> None:
    version.save(tmp_path / "lamps.npz")
    loaded = Classifier.load(version=tmp_path / "lamps.npz")
    assert loaded.title == "fashion lamps"
    assert loaded.classify(pictures[:8]) == classifier.with_version(version).classify(pictures[:8])


def test_bands_are_those_of_the_version_unless_the_settings_say_otherwise(
    classifier: Classifier, version: Version
) -> None:
    own = classifier.with_version(version).thresholds
    assert (own.auto, own.review) == (version.card.bands.auto, version.card.bands.review)
    assert own.unknown == version.card.gate.threshold
    settings = classifier.with_version(version, auto=0.8, review=0.3).thresholds
    assert (settings.auto, settings.review) == (0.8, 0.3)


def test_version_that_does_not_say_what_it_said_is_refused(
    classifier: Classifier, version: Version, tmp_path: Path
) -> None:
    rows = version.head.rows
    other = replace(rows, weights=rows.weights[:, ::-1].copy())
    damaged = replace(version, head=replace(version.head, rows=other))
    with pytest.raises(ModelError, match=r"version lamps fails its self-test: self-test-1\.png"):
        classifier.with_version(damaged).self_test()
    damaged.save(tmp_path / "damaged.npz")
    with pytest.raises(ModelError, match="fails its self-test"):
        Classifier.load(version=tmp_path / "damaged.npz")


def test_version_for_other_pictures_is_refused(classifier: Classifier, version: Version) -> None:
    odd = replace(version, specimens=version.specimens[:-1])
    with pytest.raises(ModelError, match="was made for other pictures"):
        classifier.with_version(odd).self_test()


def test_lesson_over_the_real_base_compares_with_the_version_in_use(
    classifier: Classifier, pictures: list[Picture]
) -> None:
    bundle = load_bundle()
    told = examples(classifier, pictures)
    found = learn(load_base(bundle), bundle, told, Request("lamps", "2026-11-26"), classifier)
    before, after = found.trial.figures
    assert before is not None
    assert found.judgement == "better", found.why
    assert after.accuracy > before.accuracy
