"""The real int8 model that comes with nightsort, through the real interpreter."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated
from PIL import Image

from classifier.bundle import load_bundle
from classifier.classifier import Classifier
from classifier.model import Model
from classifier.pixels import Picture, decode
from classifier.verdict import Band, Reason, Verdict
from config.errors import ModelError
from tests.support.bundles import (
    REAL_BUNDLE,
    change_card,
    copy_of_real_bundle,
    replace_model,
)
from tests.support.photos import draw_photo, encode, orientation_exif, photo_bytes, sideways


def picture(seed: int) -> Picture:
    return decode(photo_bytes(seed=seed))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return copy_of_real_bundle(tmp_path / "bundle")


def refusal_of(bundle: Path) -> str:
    with pytest.raises(ModelError) as caught:
        Classifier.load(bundle)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The bundle as it is delivered


def test_model_is_int8_and_small_enough_to_be_delivered() -> None:
    assert (REAL_BUNDLE / "model.tflite").stat().st_size <= 4_000_000


def test_delivered_bundle_sorts_into_the_ten_categories(classifier: Classifier) -> None:
    assert len(classifier.categories) == 10
    assert {"Shirts", "Tshirts", "Watches"} <= {*classifier.categories}
    assert classifier.input_size == (224, 224)


def test_card_carries_what_makes_verdicts_trustworthy(classifier: Classifier) -> None:
    card = classifier.bundle.card
    assert card.calibration is not None
    assert card.unknown is not None
    assert card.bands is not None
    assert card.metrics


# Pixels in, verdicts out


def test_drawn_photo_gets_a_verdict_with_two_alternatives(classifier: Classifier) -> None:
    (verdict,) = classifier.classify([picture(1)])
    assert verdict.category in classifier.categories
    assert 0 < verdict.confidence <= 1
    assert len(verdict.alternatives) == 2


def test_no_photos_no_verdicts(classifier: Classifier) -> None:
    assert classifier.classify([]) == []


def test_any_batch_size_gives_the_verdicts_of_one_by_one(classifier: Classifier) -> None:
    pictures = [picture(seed) for seed in range(5)]
    alone = [classifier.classify([one])[0] for one in pictures]
    for size in (5, 3, 1, 4):
        together = classifier.classify(pictures[:size])
        assert [v.category for v in together] == [v.category for v in alone[:size]]
        assert [v.confidence for v in together] == pytest.approx(
            [v.confidence for v in alone[:size]], abs=1e-3
        )


def test_same_photo_gets_the_same_verdict_every_time(classifier: Classifier) -> None:
    assert classifier.classify([picture(2)]) == classifier.classify([picture(2)])


def test_photo_on_its_side_gets_the_verdict_of_the_upright_one(classifier: Classifier) -> None:
    photo = draw_photo(3)
    turned = encode(sideways(photo, 6), "PNG", exif=orientation_exif(6))
    pictures = [decode(data) for data in (encode(photo, "PNG"), turned)]
    upright, on_its_side = classifier.classify(pictures)
    assert on_its_side.category == upright.category
    assert on_its_side.confidence == pytest.approx(upright.confidence, abs=0.01)


def test_spare_classifiers_agree_when_they_work_at_the_same_time(classifier: Classifier) -> None:
    pictures = [picture(seed) for seed in range(4)]
    expected = classifier.classify(pictures)
    spares = [classifier.spare() for _ in range(3)]

    def work(spare: Classifier) -> list[list[Verdict]]:
        return [spare.classify(pictures) for _ in range(5)]

    with ThreadPoolExecutor(3) as pool:
        for answers in pool.map(work, spares):
            assert all(answer == expected for answer in answers)


def test_calibration_of_the_card_is_applied(bundle: Path) -> None:
    shown = picture(1)

    def confidence(temperature: float) -> float:
        change_card(bundle, {"calibration": {"method": "temperature", "temperature": temperature}})
        return Classifier.load(bundle).classify([shown])[0].confidence

    assert confidence(0.3) > confidence(1.0) > confidence(5.0)


def test_gate_of_the_card_sends_photos_to_review(bundle: Path) -> None:
    change_card(bundle, {"unknown": {"method": "other_labels", "threshold": 0.0}})
    (verdict,) = Classifier.load(bundle).classify([picture(1)])
    assert (verdict.band, verdict.reason_text) == (Band.REVIEW, "none of the known categories")


def test_photo_too_dark_to_judge_goes_to_review_for_that(classifier: Classifier) -> None:
    dark = Image.eval(draw_photo(1), lambda level: level // 20)
    good, spoilt = classifier.classify([picture(1), decode(encode(dark, "PNG"))])
    assert good.reason is not Reason.TOO_DARK
    assert (spoilt.band, spoilt.reason) == (Band.REVIEW, Reason.TOO_DARK)
    assert "more light" in (spoilt.reason_text or "")


# Whose thresholds count


def test_bands_are_those_of_the_card(classifier: Classifier) -> None:
    bands = json.loads((REAL_BUNDLE / "card.json").read_text(encoding="utf-8"))["bands"]
    assert (classifier.thresholds.auto, classifier.thresholds.review) == (
        bands["auto"],
        bands["review"],
    )


def test_settings_win_over_the_card() -> None:
    thresholds = Classifier.load(auto=0.8, review=0.1).thresholds
    assert (thresholds.auto, thresholds.review) == (0.8, 0.1)


def test_without_a_word_from_card_or_settings_bands_fall_back(bundle: Path) -> None:
    change_card(bundle, {"bands": None})
    thresholds = Classifier.load(bundle).thresholds
    assert (thresholds.auto, thresholds.review) == (0.85, 0.70)


def test_review_never_lies_above_auto(bundle: Path) -> None:
    change_card(bundle, {"bands": {"auto": 0.9, "review": 0.7}})
    low = Classifier.load(bundle, auto=0.5).thresholds
    assert (low.auto, low.review) == (0.5, 0.5)
    high = Classifier.load(bundle, review=0.95).thresholds
    assert (high.auto, high.review) == (0.95, 0.95)


# Bundles that are refused


def test_model_cut_off_is_refused(bundle: Path) -> None:
    model = (bundle / "model.tflite").read_bytes()
    replace_model(bundle, model[: len(model) // 2])
    assert "is no usable TFLite model" in refusal_of(bundle)


@pytest.mark.parametrize("model", [b"", b"a text, not a model"])
def test_file_that_is_no_model_is_refused(bundle: Path, model: bytes) -> None:
    replace_model(bundle, model)
    assert "is no usable TFLite model" in refusal_of(bundle)


def test_input_size_that_disagrees_with_the_card_is_refused(bundle: Path) -> None:
    spec = load_bundle(bundle).card.input.model_dump() | {"width": 192}
    change_card(bundle, {"input": spec})
    assert "takes (224, 224, 3), the card says 224x192 RGB uint8" in refusal_of(bundle)


def test_outputs_that_disagree_with_the_card_are_refused(bundle: Path) -> None:
    outputs = load_bundle(bundle).card.outputs.model_dump()
    change_card(bundle, {"outputs": outputs | {"embedding": 1281}})
    assert "gives outputs of [27, 576, 1280], the card says [27, 576, 1281]" in refusal_of(bundle)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("inputs", "takes 2 inputs, not one"),
        ("outputs", "gives outputs of [27, 576, 1280], the card"),
    ],
)
def test_model_with_one_more_input_or_output_is_refused(
    bundle: Path, names: str, says: str
) -> None:
    model = schema_py_generated.ModelT.InitFromPackedBuf((bundle / "model.tflite").read_bytes(), 0)
    (graph,) = model.subgraphs
    setattr(graph, names, [*getattr(graph, names), getattr(graph, names)[0]])
    packed = flatbuffers.Builder(4_000_000)
    packed.Finish(model.Pack(packed), b"TFL3")
    replace_model(bundle, bytes(packed.Output()))
    assert says in refusal_of(bundle)


def test_label_too_few_for_the_model_is_refused(bundle: Path) -> None:
    card = load_bundle(bundle).card
    labels = card.labels[:-1]
    (bundle / "labels.txt").write_text("\n".join(labels), encoding="utf-8")
    outputs = card.outputs.model_dump() | {"logits": len(labels)}
    change_card(bundle, {"labels": labels, "outputs": outputs, "self_test": None})
    assert "gives outputs of" in refusal_of(bundle)


# Numbers


def test_logits_are_real_numbers_for_every_label(classifier: Classifier) -> None:
    logits = Model(classifier.bundle).logits(np.stack([picture(0).pixels, picture(1).pixels]))
    assert logits.shape == (2, len(classifier.bundle.card.labels))
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


def test_what_is_new_in_a_photo_is_added_to_the_last_label_alone(
    classifier: Classifier, bundle: Path
) -> None:
    change_card(bundle, {"novelty": None})
    pixels = np.stack([picture(0).pixels, np.full_like(picture(0).pixels, 255)])
    without = Model(load_bundle(bundle)).logits(pixels)
    logits = Model(classifier.bundle).logits(pixels)
    assert np.array_equal(logits[:, :-1], without[:, :-1])
    assert (logits[:, -1] != without[:, -1]).all()


def test_loading_and_working_leave_standard_error_alone() -> None:
    # In a process of its own: the library says what it has to say only once.
    code = (
        "from classifier.classifier import Classifier\n"
        "from tests.integration.test_model import picture\n"
        "Classifier.load().classify([picture(0), picture(1)])"
    )
    root = REAL_BUNDLE.parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=root)
    assert (done.stdout, done.stderr) == (b"", b"")
