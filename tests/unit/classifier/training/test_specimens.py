"""The pictures of the self-test, and the command that gives a bundle one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classifier.bundle import load_bundle
from classifier.classifier import Classifier
from classifier.pixels import decode
from classifier.training import specimens
from tests.support.bundles import change_card, copy_of_real_bundle, flip_a_byte


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle without a self-test."""
    folder = copy_of_real_bundle(tmp_path / "bundle")
    change_card(folder, {"self_test": None})
    for picture in folder.glob("self-test-*.png"):
        picture.unlink()
    return folder


def test_pictures_are_the_same_every_time_and_small() -> None:
    drawn = specimens.draw()
    assert drawn == specimens.draw()
    assert len(drawn) >= 3
    assert sum(map(len, drawn.values())) < 50_000


def test_pictures_are_as_large_as_the_model_wants_them_so_that_nothing_is_scaled() -> None:
    for data in specimens.draw().values():
        picture = decode(data)
        assert (picture.width, picture.height) == (224, 224)


def test_card_holds_what_the_model_says_of_each_picture_in_order() -> None:
    drawn = specimens.draw()
    answers = np.arange(len(drawn) * 3, dtype=np.float32).reshape(-1, 3)
    test = specimens.self_test(drawn, lambda pixels: answers)
    assert [one["file"] for one in test["specimens"]] == list(drawn)
    assert [one["logits"] for one in test["specimens"]] == answers.tolist()
    assert test["tolerance"] == specimens.TOLERANCE


def test_bundle_without_a_self_test_is_given_one_that_it_passes(bundle: Path) -> None:
    assert specimens.main([str(bundle)]) == 0
    test = load_bundle(bundle).card.self_test
    assert test is not None
    assert len(test.specimens) == len(specimens.draw())
    Classifier.load(bundle).self_test()
    assert "drawn pictures of its own" in (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_damaged_bundle_is_not_given_a_self_test(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_a_byte(bundle / "model.tflite")
    assert specimens.main([str(bundle)]) == 1
    assert "model.tflite is not the one" in capsys.readouterr().err
    assert "self_test" not in json.loads((bundle / "card.json").read_text(encoding="utf-8"))
