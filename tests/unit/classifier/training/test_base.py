"""What a bundle says its labels looked like: statistics with known answers, and the surgery."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated

from classifier.bundle import load_bundle
from classifier.features import FeatureSpec
from classifier.learning.base import CALIBRATE, COMPARE, load_base
from classifier.model import Model
from classifier.training import base, dataset, graph
from tests.support.bundles import REAL_BUNDLE, copy_of_real_bundle
from tests.support.photos import draw_photo, photo_bytes

SPEC = FeatureSpec(embedding=2, scale=1.0, zero=0, channels=1, weights=(2.0, 2.0))


def test_means_counts_and_scatter_are_within_the_labels() -> None:
    features = np.array([[0, 4, 0, 0], [0, 16, 0, 0], [9, 0, 0, 0]], np.uint8)
    means, counts, scatter = base.statistics(SPEC, features, ["a", "a", "b"], ["a", "b"])
    assert means.tolist() == [[0, 3, 0, 0], [3, 0, 0, 0]]
    assert counts.tolist() == [2, 1]
    wanted = np.zeros((4, 4))
    wanted[1, 1] = 2.0
    assert scatter.tolist() == wanted.tolist()


def test_covariance_of_low_rank_keeps_its_axes_and_its_diagonal() -> None:
    rng = np.random.default_rng(0)
    axes = rng.normal(0, 1, (6, 2))
    covariance = (axes @ axes.T + np.diag(rng.uniform(0.1, 0.2, 6))).astype(np.float32)
    factor, diagonal = base.low_rank(covariance, 2)
    again = factor @ factor.T + np.diag(diagonal)
    assert np.diag(again) == pytest.approx(np.diag(covariance), rel=1e-4)
    assert again == pytest.approx(covariance, abs=0.15)


def test_blocks_get_the_weight_that_lets_them_vary_alike() -> None:
    rng = np.random.default_rng(0)
    features = rng.integers(0, 200, (400, 4)).astype(np.uint8)
    found = base.block_weights(SPEC, features, ["a"] * 400)
    weighed = SPEC.model_copy(update={"weights": tuple(found)}).inputs(features).var(axis=0)
    assert weighed[2] == pytest.approx(weighed[:2].mean(), rel=0.05)
    assert weighed[3] == pytest.approx(weighed[:2].mean(), rel=0.05)


def plain_model() -> bytes:
    """The network that ships without its further output."""
    content = (REAL_BUNDLE / "model.tflite").read_bytes()
    model = schema_py_generated.ModelT.InitFromPackedBuf(content, 0)
    model.subgraphs[0].outputs = model.subgraphs[0].outputs[:2]
    return graph.packed(model)


def test_layer_becomes_an_output_and_nothing_else_changes() -> None:
    found = graph.with_layer(plain_model())
    assert found is not None
    content, channels = found
    assert channels == 576
    model = schema_py_generated.ModelT.InitFromPackedBuf(content, 0)
    (layer,) = model.subgraphs[0].outputs[2:]
    assert tuple(model.subgraphs[0].tensors[layer].shape) == (1, 14, 14, 576)


def test_network_without_that_layer_stays_as_it_is() -> None:
    model = schema_py_generated.ModelT.InitFromPackedBuf(plain_model(), 0)
    for tensor in model.subgraphs[0].tensors:
        tensor.name = b"other"
    assert graph.with_layer(graph.packed(model)) is None


@pytest.fixture
def data(tmp_path: Path) -> dataset.Dataset:
    """Drawn photos of two of the categories, by sides."""
    items, pixels = [], []
    for at in range(60):
        side = ("train", "validation", "test")[at % 3]
        label = ("Shirts", "Tops")[at // 3 % 2]
        name = tmp_path / "known" / label / f"{at}0.jpg"
        items.append(dataset.Item(name, label, "catalogue", True, side, str(at)))
        pixels.append(np.asarray(draw_photo(at).resize((224, 224)), np.uint8))
    return dataset.Dataset(tmp_path, items, np.stack(pixels), ["Shirts", "Tops"], 0)


def test_bundle_is_prepared_from_photos(tmp_path: Path, data: dataset.Dataset) -> None:
    folder = copy_of_real_bundle(tmp_path / "bundle")
    before = Model(load_bundle(folder)).logits(data.pixels[:2])
    made = base.prepare(folder, data, seed=1)
    found = load_base(load_bundle(folder))
    assert found.labels == made.labels == ("Shirts", "Tops", "Nothing")
    # Each photo once as it is and once as the old catalogue keeps it.
    assert found.counts.tolist() == [20, 20, base.NOTHINGS]
    assert len(found.held_out.part(COMPARE).labels) == 20
    assert np.array_equal(Model(load_bundle(folder)).logits(data.pixels[:2]), before)


def with_other_products(data: dataset.Dataset) -> dataset.Dataset:
    """The same, and ten photos of each category that have nothing to do with them."""
    items, pixels = [*data.items], [*data.pixels]
    for at in range(20):
        label = ("Shirts", "Tops")[at % 2]
        name = data.root / "known-60x80" / label / f"{at}.jpg"
        items.append(dataset.Item(name, label, "small", True, "test", f"small {at}"))
        pixels.append(np.asarray(draw_photo(1000 + at).resize((224, 224)), np.uint8))
    return replace(data, items=items, pixels=np.stack(pixels))


def test_what_calibrates_is_weighed_where_there_are_other_products(
    tmp_path: Path, data: dataset.Dataset
) -> None:
    folder = copy_of_real_bundle(tmp_path / "bundle")
    assert base.prepare(folder, data, seed=1).held_out.weights is None
    base.prepare(folder, with_other_products(data), seed=1)
    held = load_base(load_bundle(folder)).held_out
    assert held.weights is not None
    assert (held.weights[held.parts == COMPARE] == 1).all()
    calibrating = held.part(CALIBRATE)
    assert calibrating.weights is not None
    # As they are, and as the old catalogue keeps them: each by itself is like the others.
    for start in (0, 20):
        own, labels = (
            calibrating.weights[start : start + 20],
            calibrating.labels[start : start + 20],
        )
        assert own.mean() == pytest.approx(1, abs=1e-4)
        tops = sum(weight for weight, label in zip(own, labels, strict=True) if label == "Tops")
        assert tops / own.sum() == pytest.approx(0.5, abs=0.01)


def test_photos_that_were_held_out_are_never_learnt_from(
    tmp_path: Path, data: dataset.Dataset
) -> None:
    folder = copy_of_real_bundle(tmp_path / "bundle")
    taught = data.root / "known" / "Shirts" / "00.jpg"
    taught.parent.mkdir(parents=True)
    taught.write_bytes(photo_bytes())
    (folder / "holdout.txt").write_text("catalogue\tShirts\tknown/Shirts/00.jpg\n", "utf-8")
    with pytest.raises(dataset.DataError, match=r"would be learnt from, such as .*00\.jpg"):
        base._check_sides(folder, data)


def test_command_says_in_a_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert base.main([str(tmp_path / "none"), "--bundle", str(REAL_BUNDLE)]) == 1
    assert capsys.readouterr().err.startswith("base: ")


def test_card_of_the_delivered_bundle_tells_what_can_be_learnt_over_it() -> None:
    card = json.loads((REAL_BUNDLE / "card.json").read_text(encoding="utf-8"))
    assert card["outputs"]["layer"]["channels"] == 576
    assert "learning.npz" in (REAL_BUNDLE / "MODEL_CARD.md").read_text(encoding="utf-8")
