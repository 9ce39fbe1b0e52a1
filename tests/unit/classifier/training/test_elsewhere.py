"""What a bundle would be on other products: weighed figures, and a band auto that holds there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classifier.bundle import load_bundle
from classifier.training import card, dataset, elsewhere, measures
from classifier.training.elsewhere import Side
from classifier.training.measures import Choice, Scored
from tests.support.bundles import REAL_BUNDLE, copy_of_real_bundle
from tests.support.photos import draw_photo

FAR, NEAR = 0, 5
CHOICE = Choice(1.0, None, 0.9, 0.5)


def side(*groups: tuple[int, int, float]) -> Side:
    """Photos of two categories, in groups of: step, how many, share right. All are equally sure."""
    steps = np.concatenate([np.full(count, step) for step, count, _ in groups])
    right = np.concatenate([np.arange(count) < share * count for _, count, share in groups])
    truth = np.arange(len(steps)) % 2
    logits = np.zeros((len(steps), 2), np.float32)
    logits[np.arange(len(steps)), np.where(right, truth, 1 - truth)] = 4
    return Side(Scored(truth, logits), steps)


def test_weighed_accuracy_is_that_of_products_as_far_away() -> None:
    held = side((FAR, 100, 0.8), (NEAR, 900, 1.0))
    others = side((FAR, 60, 0.8), (NEAR, 40, 1.0))
    found = elsewhere.figures(held.weighed_as(others, held), 2, CHOICE)
    assert elsewhere.figures(held, 2, CHOICE)["accuracy"] == 0.98
    assert found["accuracy"] == pytest.approx(0.88, abs=0.001)
    assert found["counts_as"] < found["n"] == 1000
    low, high = found["interval_95"]
    assert (low < 0.86, high > 0.9) == (True, True)


def test_band_auto_begins_where_a_bound_over_weighed_photos_keeps_the_promise() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 3000)
    right = rng.random(3000) < np.where(sure > 0.9, 0.999, 0.9)
    logits = np.zeros((3000, 2), np.float32)
    logits[:, 0] = np.log(sure / (1 - sure))
    known = Side(Scored(np.where(right, 0, 1), logits), np.zeros(3000, np.int64))
    nothing = Side(Scored(np.zeros(0, np.int64), np.zeros((0, 2), np.float32)), known.near[:0])
    many = elsewhere.with_bound(CHOICE, [known], nothing, 2)
    weights = np.where(rng.random(3000) < 0.03, 30, 0.01).astype(np.float32)
    few = elsewhere.with_bound(CHOICE, [Side(known.scored, known.near, weights)], nothing, 2)
    assert many.auto == pytest.approx(0.9, abs=0.03)
    assert few.auto > many.auto  # so few photos cannot bear out what all of them do
    assert (many.review, many.temperature) == (CHOICE.review, CHOICE.temperature)


@pytest.fixture
def data(tmp_path: Path) -> dataset.Dataset:
    """Drawn photos of two of the categories: three sides, and other products."""
    items, pixels = [], []
    for at in range(48):
        which = ("train", "validation", "test", "small")[at % 4]
        label = ("Shirts", "Watches")[at // 4 % 2]
        source, where = ("small", "test") if which == "small" else ("catalogue", which)
        path = tmp_path / label / f"{at}0.jpg"
        items.append(dataset.Item(path, label, source, True, where, str(at)))
        pixels.append(np.asarray(draw_photo(at).resize((224, 224)), np.uint8))
    categories = list(load_bundle(REAL_BUNDLE).card.categories)
    return dataset.Dataset(tmp_path, items, np.stack(pixels), categories, 0)


def test_card_says_it_and_the_bundle_still_loads(tmp_path: Path, data: dataset.Dataset) -> None:
    folder = copy_of_real_bundle(tmp_path / "bundle")
    before = load_bundle(folder).card
    document = elsewhere.say(folder, data, "2027.1")
    after = load_bundle(folder).card
    assert (after.version, before.version) != (before.version, after.version)
    assert after.version == "2027.1"
    assert (after.sha256, after.calibration, after.unknown) == (
        before.sha256, before.calibration, before.unknown,
    )  # fmt: skip
    assert after.bands is not None
    assert after.bands.auto == document["bands"]["auto"]
    rows = json.loads((folder / "card.json").read_text("utf-8"))["metrics"]["elsewhere"]
    assert [row["n"] for row in rows.values()] == [24, 24, 12, 12, 12]
    steps = document["metrics"]["nearness"]
    assert sum(step.get("held_out", {"n": 0})["n"] for step in steps) == 24
    assert sum(step.get("other_products", {"n": 0})["n"] for step in steps) == 12
    text = (folder / "MODEL_CARD.md").read_text("utf-8")
    assert text == card.model_card(document)
    assert text.index("## On other products") < text.index("## Measured on photos kept back")


def test_without_other_products_nothing_is_said(tmp_path: Path, data: dataset.Dataset) -> None:
    folder = copy_of_real_bundle(tmp_path / "bundle")
    card_before = (folder / "card.json").read_bytes()
    kept = [at for at, item in enumerate(data.items) if item.source != "small"]
    alone = dataset.Dataset(
        data.root, [data.items[at] for at in kept], data.pixels[kept], data.categories, 0
    )
    with pytest.raises(dataset.DataError, match="no photos of other products"):
        elsewhere.say(folder, alone, None)
    assert (folder / "card.json").read_bytes() == card_before


def test_command_says_in_a_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elsewhere.main([str(tmp_path / "none"), "--bundle", str(REAL_BUNDLE)]) == 1
    assert capsys.readouterr().err.startswith("elsewhere: ")


def test_band_of_the_bundle_that_ships_keeps_its_promise_on_other_products() -> None:
    rows = json.loads((REAL_BUNDLE / "card.json").read_text("utf-8"))["metrics"]["elsewhere"]
    for row in rows.values():
        assert row["auto"]["accuracy"] >= measures.AUTO_PROMISE
