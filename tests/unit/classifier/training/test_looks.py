"""How often the hold-out was looked at is counted in the card, and told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from classifier.training import card, holdout, looks
from tests.support.bundles import REAL_BUNDLE, copy_of_real_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = copy_of_real_bundle(tmp_path / "bundle")
    shutil.copy(REAL_BUNDLE / "holdout.txt", folder)
    return folder


def of(bundle: Path) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = json.loads((bundle / "card.json").read_text("utf-8"))[looks.KEY]
    return kept


def rows_of(bundle: Path) -> list[tuple[str, str, str]]:
    lines = (bundle / "holdout.txt").read_text("utf-8").splitlines()
    told = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(source, label, path) for source, label, path in told]


def test_who_makes_a_folder_of_the_hold_out_looks_at_it(bundle: Path, tmp_path: Path) -> None:
    before = of(bundle)
    for source, _, path in rows_of(bundle):
        if source == "phone":
            photo = tmp_path / "data" / path
            photo.parent.mkdir(parents=True, exist_ok=True)
            photo.touch()
    made = [str(tmp_path / "data"), str(tmp_path / "eval"), "--source", "phone"]
    assert holdout.main([*made, "--bundle", str(bundle)]) == 0
    assert of(bundle)[:-1] == before
    version = json.loads((bundle / "card.json").read_text("utf-8"))["version"]
    assert (of(bundle)[-1]["by"], of(bundle)[-1]["version"]) == ("holdout", version)
    text = (bundle / "MODEL_CARD.md").read_text("utf-8")
    assert f"looked at {len(before) + 1} times that are known" in text


def test_a_bundle_made_over_another_goes_on_counting_but_not_for_another_hold_out(
    bundle: Path, tmp_path: Path
) -> None:
    rows = rows_of(bundle)
    assert looks.before(bundle, rows) == of(bundle)
    assert looks.before(bundle, rows[1:]) == []
    assert looks.before(tmp_path / "new", rows) == []


def test_a_card_that_counts_no_looks_tells_none() -> None:
    assert card._looks({"version": "1"}) == ""
    once = looks.with_look({"version": "1"}, "training")
    assert "looked at once that are known" not in card._looks(once)
    assert "looked at once" in card._looks(once)
