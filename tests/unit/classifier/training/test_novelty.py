"""What known photos span is learned from their embeddings."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest

from classifier.novelty import Novelty
from classifier.training import novelty

FloatArray = npt.NDArray[np.float32]
SIDE = novelty.AXES + 40


def known(count: int, seed: int) -> FloatArray:
    """Embeddings that fill the first AXES directions, with a little of all others."""
    rng = np.random.default_rng(seed)
    spread = np.where(np.arange(SIDE) < novelty.AXES, 5.0, 0.3)
    return (3 + spread * rng.normal(size=(count, SIDE))).astype(np.float32)


def strangers(count: int) -> FloatArray:
    return known(count, seed=9)[:, ::-1]  # strong where known ones are weak


def test_known_photos_add_nothing_in_the_middle_and_one_in_twenty_the_weight() -> None:
    held_back = known(400, seed=2)
    scores = novelty.learn(known(2000, seed=1), held_back, temperature=2.0).scores(held_back)
    assert np.median(scores) == pytest.approx(0.0, abs=0.01)
    assert np.quantile(scores, 0.95) == pytest.approx(2.0 * novelty.WEIGHT, rel=0.01)


def test_strangers_score_above_all_known_photos() -> None:
    learned = novelty.learn(known(2000, seed=1), known(400, seed=2), temperature=1.0)
    assert learned.scores(strangers(50)).min() > learned.scores(known(400, seed=3)).max()


def test_file_holds_what_the_scores_were_made_with() -> None:
    learned = novelty.learn(known(2000, seed=1), known(400, seed=2), temperature=1.0)
    space = np.load(BytesIO(learned.file()), allow_pickle=False).astype(np.float32)
    photos = known(20, seed=4)
    again = Novelty(space, learned.usual, learned.weight).scores(photos)
    assert again.tolist() == learned.scores(photos).tolist()
