"""A bundle is used only when its parts agree; what is wrong with it is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from classifier.bundle import load_bundle
from config.errors import ModelError
from tests.support.bundles import change_card, flip_a_byte, made_up_bundle, replace_model

INPUT = {"width": 224, "height": 224, "dtype": "uint8", "colour": "RGB", "resize": "stretch"}
SPECIMEN = {"file": "self-test-1.png", "sha256": "0" * 64, "logits": [0.0] * 4}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return made_up_bundle(tmp_path / "bundle")


def refusal_of(bundle: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_bundle(bundle)
    message = str(caught.value)
    assert "\n" not in message
    assert str(bundle) in message
    assert message.endswith("restore the bundle or set model_dir")
    return message


def test_bundle_whose_parts_agree_is_loaded(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    assert loaded.folder == bundle
    assert loaded.model == (bundle / "model.tflite").read_bytes()
    assert loaded.card.categories == ("Shirts", "Tops", "Tshirts")
    assert loaded.card.labels[-1] == "Trunk"
    assert loaded.card.title == "made-up 1"


def test_without_a_folder_the_bundle_that_comes_with_nightsort_is_loaded() -> None:
    assert load_bundle().card.name == "fashion"


def test_calibration_gate_and_bands_are_optional(bundle: Path) -> None:
    change_card(bundle, {"calibration": None, "unknown": None, "bands": None})
    card = load_bundle(bundle).card
    assert (card.calibration, card.unknown, card.bands) == (None, None, None)


def test_what_the_card_says_for_people_is_no_matter(bundle: Path) -> None:
    change_card(bundle, {"training": {"epochs": 3}, "limits": ["shirts only"]})
    assert load_bundle(bundle).card.version == "1"


def test_labels_with_windows_line_ends_agree(bundle: Path) -> None:
    labels = bundle / "labels.txt"
    labels.write_bytes(labels.read_bytes().replace(b"\n", b"\r\n"))
    load_bundle(bundle)


@pytest.mark.parametrize("part", ["card.json", "labels.txt", "model.tflite"])
def test_missing_part_is_named(bundle: Path, part: str) -> None:
    (bundle / part).unlink()
    assert f"{part} is missing" in refusal_of(bundle)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "card.json is missing" in refusal_of(tmp_path / "nowhere")


@pytest.mark.parametrize("part", ["card.json", "labels.txt", "model.tflite"])
def test_part_that_cannot_be_read_is_named_with_the_reason(bundle: Path, part: str) -> None:
    (bundle / part).unlink()
    (bundle / part).mkdir()
    assert f"{part} cannot be read (Is a directory)" in refusal_of(bundle)


def test_file_in_place_of_the_folder_is_refused(bundle: Path) -> None:
    assert "Not a directory" in refusal_of(bundle / "model.tflite")


def test_flipped_byte_in_the_model_is_noticed(bundle: Path) -> None:
    flip_a_byte(bundle / "model.tflite")
    assert "model.tflite is not the one that card.json was written for" in refusal_of(bundle)


def test_another_model_with_its_own_hash_is_taken(bundle: Path) -> None:
    replace_model(bundle, b"another")
    assert load_bundle(bundle).model == b"another"


@pytest.mark.parametrize(
    "labels",
    ["Shirts\nTops\nTshirts\n", "Tops\nShirts\nTshirts\nTrunk\n", "", "Shirts\nTops\nTshirts\n?\n"],
)
def test_labels_that_disagree_with_the_card_are_refused(bundle: Path, labels: str) -> None:
    (bundle / "labels.txt").write_text(labels, encoding="utf-8")
    assert "labels.txt does not hold the labels of card.json" in refusal_of(bundle)


@pytest.mark.parametrize("text", [b"", b"{", b"not JSON", b"\xff\xfe\x00", b'{"format": 1,}'])
def test_card_that_is_no_json_is_refused(bundle: Path, text: bytes) -> None:
    (bundle / "card.json").write_bytes(text)
    assert "card.json is not valid JSON" in refusal_of(bundle)


def test_card_nested_deeper_than_can_be_read_is_refused(bundle: Path) -> None:
    (bundle / "card.json").write_text("[" * 100_000, encoding="utf-8")
    assert "card.json is not valid JSON" in refusal_of(bundle)


def test_card_that_is_no_object_is_refused(bundle: Path) -> None:
    (bundle / "card.json").write_text("[1, 2]", encoding="utf-8")
    assert ": card.json: Input should be" in refusal_of(bundle)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"format": 2}, "format"),
        ({"format": None}, "format"),
        ({"input": INPUT | {"resize": "crop"}}, "input.resize"),
        ({"input": INPUT | {"colour": "BGR"}}, "input.colour"),
        ({"self_test": {"tolerance": 0.0, "specimens": [SPECIMEN]}}, "self_test.tolerance"),
        ({"self_test": {"tolerance": 0.25, "specimens": []}}, "self_test.specimens"),
        (
            {"self_test": {"tolerance": 1.0, "specimens": [SPECIMEN | {"file": "../a.png"}]}},
            "self_test.specimens.0.file",
        ),
        ({"sha256": "abc"}, "sha256"),
        ({"calibration": {"method": "temperature", "temperature": 0}}, "calibration.temperature"),
        (
            {"calibration": {"method": "temperature", "temperature": float("inf")}},
            "calibration.temperature",
        ),
        ({"calibration": {"method": "magic", "temperature": 1}}, "calibration.method"),
        ({"unknown": {"method": "other_labels", "threshold": 1.5}}, "unknown.threshold"),
        ({"unknown": {"method": "magic", "threshold": 0.5}}, "unknown.method"),
        ({"bands": {"auto": 1.2, "review": 0.5}}, "bands.auto"),
        ({"bands": {"auto": 0.9, "review": 0}}, "bands.review"),
        ({"outputs": {"logits": 0, "embedding": 16}}, "outputs.logits"),
        ({"outputs": {"logits": 5, "embedding": 16}}, "4 labels for 5 logits"),
        ({"categories": ["Tops", "Shirts"]}, "the categories are not the first labels"),
        ({"categories": ["Shirts"]}, "categories"),
        ({"labels": ["Shirts", "Tops", "Tshirts", "Tops"]}, "a label stands twice"),
    ],
)
def test_card_that_cannot_be_right_is_refused_with_the_place(
    bundle: Path, changes: dict[str, Any], where: str
) -> None:
    change_card(bundle, changes)
    assert where in refusal_of(bundle)


@pytest.mark.parametrize("file", ["../model.tflite", "/etc/passwd", "sub/model.tflite", "model"])
def test_model_outside_the_bundle_is_never_read(bundle: Path, file: str) -> None:
    change_card(bundle, {"file": file})
    assert "file" in refusal_of(bundle)
