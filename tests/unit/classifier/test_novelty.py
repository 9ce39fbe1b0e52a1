"""Novelty: what of an embedding lies outside what known photos span, in hand-made spaces."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.bundle import load_bundle
from classifier.novelty import Novelty, novelty_of, shares_outside
from classifier.verdict import FloatArray
from config.errors import ModelError
from tests.support.bundles import change_card, flip_a_byte, made_up_bundle

MEAN = np.array([1.0, 1.0, 1.0], np.float32)
AXES = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], np.float32)  # the third direction is new
SPACE = np.vstack([MEAN, AXES.T])


def rows(*embeddings: list[float]) -> FloatArray:
    return np.array(embeddings, np.float32)


def with_novelty(bundle: Path, content: bytes, **changes: Any) -> Path:
    (bundle / "novelty.npy").write_bytes(content)
    said = {"file": "novelty.npy", "sha256": hashlib.sha256(content).hexdigest()}
    change_card(bundle, {"novelty": said | {"usual": 0.25, "weight": 4.0} | changes})
    return bundle


def npy(array: Any) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return made_up_bundle(tmp_path / "bundle")


def test_share_outside_is_the_part_that_no_axis_holds_by_length() -> None:
    inside, outside, between = rows([4, -2, 1], [1, 1, 7], [4, 1, 5])
    found = shares_outside(rows([*inside], [*outside], [*between]), MEAN, AXES)
    assert found.tolist() == pytest.approx([0.0, 1.0, 0.8])


def test_share_outside_does_not_depend_on_how_strong_a_photo_is() -> None:
    faint, strong = MEAN + rows([0.03, 0, 0.04]), MEAN + rows([30, 0, 40])
    assert shares_outside(faint, MEAN, AXES) == pytest.approx(0.8, abs=1e-5)
    assert shares_outside(strong, MEAN, AXES) == pytest.approx(0.8, abs=1e-5)


def test_embedding_that_is_the_mean_has_nothing_new() -> None:
    assert np.isfinite(shares_outside(rows([1, 1, 1]), MEAN, AXES)).all()


def test_score_is_the_weight_times_what_is_more_than_usual() -> None:
    scores = Novelty(SPACE, usual=0.25, weight=4.0).scores(rows([4, -2, 1], [1, 1, 7], [4, 1, 5]))
    assert scores.tolist() == pytest.approx([-1.0, 3.0, 2.2])


def test_bundle_without_novelty_has_none(bundle: Path) -> None:
    assert novelty_of(load_bundle(bundle)) is None


def test_space_of_a_bundle_is_read_as_the_card_says(bundle: Path) -> None:
    space = np.eye(3, 16, dtype=np.float32)
    found = novelty_of(load_bundle(with_novelty(bundle, npy(space.astype(np.float16)))))
    assert found is not None
    photo = rows([0.0] * 15 + [9.0])
    expected = 4.0 * (shares_outside(photo, space[0], space[1:].T) - 0.25)
    assert found.scores(photo).tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is no array"),
        (b"no array", "is no array"),
        (npy(np.eye(3, 16))[:-20], "is no array"),
        (npy(np.array([{"a": 1}], dtype=object)), "is no array"),
        (npy(np.zeros((3, 15))), "has the shape (3, 15)"),
        (npy(np.zeros((1, 16))), "has the shape (1, 16)"),
        (npy(np.zeros(16)), "has the shape (16,)"),
    ],
)
def test_file_that_is_no_space_of_the_model_is_refused(
    bundle: Path, content: bytes, what: str
) -> None:
    loaded = load_bundle(with_novelty(bundle, content))
    with pytest.raises(ModelError) as caught:
        novelty_of(loaded)
    assert f"novelty.npy: {what}; restore the bundle" in str(caught.value)


def test_flipped_byte_in_the_space_is_noticed(bundle: Path) -> None:
    with_novelty(bundle, npy(np.eye(3, 16)))
    flip_a_byte(bundle / "novelty.npy")
    with pytest.raises(ModelError, match=r"novelty\.npy is not the one that card\.json"):
        load_bundle(bundle)


def test_missing_space_is_named(bundle: Path) -> None:
    with_novelty(bundle, npy(np.eye(3, 16)))
    (bundle / "novelty.npy").unlink()
    with pytest.raises(ModelError, match=r"novelty\.npy is missing"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"file": "../novelty.npy"}, "novelty.file"),
        ({"sha256": "abc"}, "novelty.sha256"),
        ({"usual": 1.5}, "novelty.usual"),
        ({"usual": float("nan")}, "novelty.usual"),
        ({"weight": -1.0}, "novelty.weight"),
        ({"weight": float("inf")}, "novelty.weight"),
    ],
)
def test_what_the_card_says_of_it_is_checked(
    bundle: Path, changes: dict[str, Any], where: str
) -> None:
    with_novelty(bundle, npy(np.eye(3, 16)), **changes)
    with pytest.raises(ModelError, match=rf"card\.json: {where}: "):
        load_bundle(bundle)


def test_novelty_without_a_label_to_add_it_to_is_refused(bundle: Path) -> None:
    labels = ("Shirts", "Tops", "Tshirts", "Trunk")
    with_novelty(bundle, npy(np.eye(3, 16)))
    change_card(bundle, {"categories": labels})
    with pytest.raises(ModelError, match="novelty needs a label that is no category"):
        load_bundle(bundle)
