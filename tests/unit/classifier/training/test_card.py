import json
from pathlib import Path
from typing import Any

import numpy as np

from classifier.bundle import load_bundle
from classifier.novelty import novelty_of
from classifier.training import card
from classifier.training.measures import Choice
from classifier.training.novelty import Learned


def document(**changes: Any) -> dict[str, Any]:
    return card.card(
        ("shop", "2026.1", "2026-01-02"),
        trained=changes.get("trained", card.Trained(b"a model")),
        labels=["A", "B", "Nothing"],
        categories=["A", "B"],
        choice=changes.get("choice", Choice(0.8, 0.3, 0.9, 0.5)),
        metrics={"holdout": {}},
        training={"seed": 1, "recipe": {"phases": []}, "data": ["photos of a shop"]},
    )


def test_what_is_written_is_a_bundle_that_the_classifier_accepts(tmp_path: Path) -> None:
    card.write(tmp_path, card.Trained(b"a model"), document(), [("catalogue", "A", "A/1.jpg")])
    bundle = load_bundle(tmp_path)
    assert bundle.card.categories == ("A", "B")
    assert bundle.card.bands is not None
    assert bundle.card.bands.auto == 0.9
    assert bundle.model == b"a model"


def test_a_model_without_other_labels_has_no_gate(tmp_path: Path) -> None:
    plain = document(choice=Choice(1.0, None, 0.9, 0.5))
    card.write(tmp_path, card.Trained(b"a model"), plain, [])
    assert json.loads((tmp_path / "card.json").read_text())["unknown"] is None
    assert load_bundle(tmp_path).card.unknown is None


def test_what_is_usual_is_written_beside_the_model(tmp_path: Path) -> None:
    space = np.eye(2, card.EMBEDDING, dtype=np.float16)
    learned = Learned(space, usual=0.25, weight=12.0)
    trained = card.Trained(b"a model", learned)
    card.write(tmp_path, trained, document(trained=trained), [])
    found = novelty_of(load_bundle(tmp_path))
    assert found is not None
    far = np.eye(1, card.EMBEDDING, 7, dtype=np.float32)
    assert found.scores(far) == learned.scores(far)
    assert "novelty.npy" in (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_model_card_tells_what_it_was_trained_on() -> None:
    text = card.model_card(document())
    assert text.startswith("# shop 2026.1\n")
    assert "photos of a shop" in text
    assert "Nothing" not in text.split("categories: ")[1].splitlines()[0].split(".")[0]


def test_kinds_never_seen_are_told_one_by_one_the_hardest_first() -> None:
    told = document()
    told["metrics"]["unseen_kinds"] = {
        "Caps, other": {"n": 30, "gated": 0.9, "review": 1.0},
        "Flats, other": {"n": 10, "gated": 0.1, "review": 0.2},
    }
    text = card.model_card(told)
    assert text.index("Flats, other") < text.index("Caps, other")
    assert "| **mean of the kinds** | 40 | 0.500 | 0.600 |" in text
    assert "| **mean of the photos** | 40 | 0.700 | 0.800 |" in text
