import numpy as np

from classifier.training import measures
from classifier.training.measures import Choice, Scored


def photos(count: int, labels: int, right: float, seed: int = 4) -> Scored:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, count)
    logits = rng.normal(0, 0.5, (count, labels))
    good = rng.random(count) < right
    shown = np.where(good, truth, (truth + 1) % 3)
    logits[np.arange(count), shown] += np.where(good, rng.uniform(1, 8, count), 0.5)
    return Scored(truth, logits.astype(np.float32))


def test_choice_keeps_its_promises_on_the_photos_it_was_made_on() -> None:
    known = photos(4000, 5, 0.97)
    choice = measures.choose(known, 3)
    found = measures.figures(known, 3, choice)
    assert choice.unknown is not None
    assert choice.review <= choice.auto
    assert found["gated"] <= measures.GATED_SHARE
    assert found["auto"]["accuracy"] >= measures.AUTO_PROMISE


def test_without_other_labels_there_is_no_gate() -> None:
    choice = measures.choose(photos(500, 3, 0.95), 3)
    assert choice.unknown is None
    assert measures.figures(photos(500, 3, 0.95), 3, choice)["gated"] == 0


def test_confusion_counts_every_photo_once() -> None:
    known = photos(300, 5, 0.9)
    choice = Choice(1.0, None, 0.9, 0.5)
    matrix = measures.confusion(known, 3, choice)
    found = measures.per_category(known, ["a", "b", "c"], choice)
    assert matrix.sum() == 300
    assert sum(row["support"] for row in found.values()) == 300


def test_things_that_look_like_nothing_score_as_unknown() -> None:
    known = photos(1000, 5, 0.98)
    strange = Scored(np.full(200, -1), np.tile([0, 0, 0, 3, 0], (200, 1)).astype(np.float32))
    found = measures.unknown_figures(known, strange, 3, measures.choose(known, 3))
    assert found["auroc"] > 0.95
    assert found["review"] > 0.95


def test_constant_label_lies_below_a_known_photo_by_its_margin() -> None:
    known = Scored(np.zeros(5, np.int64), np.tile([10.0, -99.0, 0.0], (5, 1)).astype(np.float32))
    assert measures.background(known, 2, 1.0) == 10.0 - measures.BACKGROUND_MARGIN


def test_a_higher_threshold_files_fewer_photos() -> None:
    known = photos(1000, 5, 0.95)
    rows = measures.threshold_table(known, 3, measures.choose(known, 3))
    shares = [row["share"] for row in rows]
    assert shares == sorted(shares, reverse=True)
