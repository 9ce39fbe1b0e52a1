"""What a bundle brings to learn from, packed and read again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier import arrays
from classifier.bundle import load_bundle
from classifier.learning.base import Base, load_base, to_arrays
from config.errors import ModelError
from tests.support.bundles import REAL_BUNDLE, change_card, made_up_bundle
from tests.support.lessons import LABELS, made_up_base


def write(bundle: Path, held: dict[str, Any]) -> None:
    """Put a file into a bundle, and its hash into the card."""
    content = arrays.packed(held)
    (bundle / "learning.npz").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_card(bundle, {"learning": {"file": "learning.npz", "sha256": digest}})


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = made_up_bundle(tmp_path / "bundle")
    write(folder, to_arrays(made_up_base()))
    return folder


def refusal_of(bundle: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_base(load_bundle(bundle))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_packed_comes_back(bundle: Path) -> None:
    found, made = load_base(load_bundle(bundle)), made_up_base()
    assert (found.labels, found.spec, found.photos) == (made.labels, made.spec, made.photos)
    assert found.means == pytest.approx(made.means, abs=1e-3)
    assert found.covariance() == pytest.approx(made.covariance(), abs=1e-4)
    assert found.held_out.labels == made.held_out.labels
    assert np.array_equal(found.held_out.features, made.held_out.features)


def weighed() -> Base:
    made = made_up_base()
    weights = np.arange(len(made.held_out.labels), dtype=np.float32)
    return replace(made, held_out=replace(made.held_out, weights=weights))


def test_weights_of_what_was_held_out_come_back(bundle: Path) -> None:
    assert load_base(load_bundle(bundle)).held_out.weights is None
    write(bundle, to_arrays(weighed()))
    found, made = load_base(load_bundle(bundle)).held_out, weighed().held_out
    assert found.weights is not None
    assert found.weights.tolist() == np.asarray(made.weights).tolist()


def test_weights_stay_with_their_photos() -> None:
    held = weighed().held_out
    some = held.where(np.array([label == "Tops" for label in held.labels], bool))
    assert some.weights is not None
    places = [at for at, label in enumerate(held.labels) if label == "Tops"]
    assert some.weights.tolist() == places
    assert weighed().without({"Trunk"}).held_out.weights is not None


def test_kinds_can_be_left_out_as_if_never_seen() -> None:
    left = made_up_base().without({"Tops", "Trunk"})
    assert (left.labels, left.categories) == (("Shirts", "Tshirts"), ("Shirts", "Tshirts"))
    assert {*left.held_out.labels} == {"Shirts", "Tshirts"}
    assert left.own_weights.shape[1] == len(left.own_bias) == 2


def test_bundle_that_says_nothing_is_told_with_what_to_do(tmp_path: Path) -> None:
    refusal = refusal_of(made_up_bundle(tmp_path / "plain"))
    assert "does not say what its categories looked like" in refusal
    assert "classifier.training.base" in refusal


def test_missing_file_is_told(bundle: Path) -> None:
    (bundle / "learning.npz").unlink()
    assert "learning.npz: cannot be read (No such file or directory)" in refusal_of(bundle)


def test_other_file_is_told(bundle: Path) -> None:
    (bundle / "learning.npz").write_bytes(b"another")
    assert "is not the one that card.json was written for" in refusal_of(bundle)


@pytest.mark.parametrize(
    ("name", "array"), [("means", np.zeros((2, 64))), ("held_parts", np.zeros(3, np.uint8))]
)
def test_parts_that_disagree_are_refused(bundle: Path, name: str, array: Any) -> None:
    write(bundle, to_arrays(made_up_base()) | {name: array})
    assert f"does not hold what it should ({name} has the shape" in refusal_of(bundle)


def test_weights_of_other_photos_are_refused(bundle: Path) -> None:
    write(bundle, to_arrays(weighed()) | {"held_weights": np.ones(3, np.float32)})
    assert "does not hold what it should (held_weights has the shape" in refusal_of(bundle)


def test_file_without_a_part_is_refused(bundle: Path) -> None:
    held = to_arrays(made_up_base())
    del held["factor"]
    write(bundle, held)
    assert "does not hold what it should" in refusal_of(bundle)


def test_delivered_bundle_can_be_learnt_over_and_stays_small() -> None:
    base = load_base(load_bundle(REAL_BUNDLE))
    assert (len(base.categories), base.spec.size) == (10, 2432)
    assert {"Flats", "Trousers", "Nothing"} <= {*base.labels}
    assert (REAL_BUNDLE / "learning.npz").stat().st_size <= 6_000_000
    assert {*base.held_out.parts.tolist()} == {0, 1}
    assert LABELS[0] in base.categories
