"""What the network says of a photo, as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.features import FeatureSpec, packed, pooled

SPEC = FeatureSpec(embedding=3, scale=0.5, zero=10, channels=2, weights=(2.0, 4.0))


def test_bytes_of_an_embedding_are_its_levels_from_zero_up() -> None:
    raw = np.array([[-128, 0, 127]], np.int8)
    assert packed(raw, None, 1.0).tolist() == [[0, 128, 255]]


def test_embedding_comes_back_in_real_numbers() -> None:
    features = np.array([[10, 12, 8, 0, 0, 0, 0]], np.uint8)
    assert SPEC.embeddings(features).tolist() == [[0.0, 1.0, -1.0]]


def test_inputs_are_roots_and_weighed_layers() -> None:
    features = np.array([[10, 18, 8, 255, 0, 0, 255]], np.uint8)
    assert SPEC.inputs(features).tolist() == [[0.0, 2.0, 0.0, 2.0, 0.0, 0.0, 4.0]]


def test_layer_is_pooled_as_numpy_would_do_it() -> None:
    rng = np.random.default_rng(0)
    layer = rng.integers(-128, 128, (2, 5, 7, 3), np.int8)
    means, deviations = pooled(layer, 0.02)
    real = (layer.astype(np.float64) + 128).reshape(2, 35, 3) * 0.02
    assert means == pytest.approx(real.mean(axis=1), rel=1e-5)
    assert deviations == pytest.approx(real.std(axis=1), rel=1e-4)


def test_layer_of_one_colour_has_no_deviation() -> None:
    layer = np.full((1, 4, 4, 2), 50, np.int8)
    features = packed(np.zeros((1, 3), np.int8), layer, 6 / 255)
    means, deviations = features[0, 3:5], features[0, 5:]
    assert means.tolist() == [round((178 / 255) ** 0.5 * 255)] * 2
    assert deviations.tolist() == [0, 0]


def test_what_no_relu6_gives_is_cut_off() -> None:
    layer = np.full((1, 1, 1, 1), 127, np.int8)
    assert packed(np.zeros((1, 1), np.int8), layer, 1.0)[0, 1] == 255
