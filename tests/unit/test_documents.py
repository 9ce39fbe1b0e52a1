"""Documents name things of the code that exist, and quote figures as they were measured."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.report import table
from classifier.training.card import model_card

ROOT = Path(__file__).parents[2]
README, BUNDLE, RESULTS = ROOT / "README.md", ROOT / "models/fashion", ROOT / "benchmarks/results"


def test_every_test_that_the_promises_name_exists() -> None:
    text = (ROOT / "docs/promises.md").read_text()
    named = set(re.findall(r"`(test_\w+|Night)`", text))
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"(?:def|class) (\w+)\(", sources))
    assert len(named) > 60
    assert named - defined == set()


# Figures that are quoted


def card() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BUNDLE / "card.json").read_text("utf-8"))
    return found


def measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / "latest.json").read_text("utf-8"))
    return found


def percent(share: float) -> str:
    return "100 %" if share == 1 else f"{share:.1%}".replace("%", " %")


def test_the_model_card_for_people_is_the_one_for_programs() -> None:
    assert (BUNDLE / "MODEL_CARD.md").read_text("utf-8") == model_card(card()), (
        "write it anew: classifier.training.card.write_card(folder, card)"
    )


def test_the_readme_quotes_the_model_card() -> None:
    text = README.read_text("utf-8")
    for row in card()["metrics"]["holdout"].values():
        low, high = (f"{100 * end:.1f}" for end in row["interval_95"])
        share, right = 100 * row["auto"]["share"], percent(row["auto"]["accuracy"])
        quoted = f"{row['n']} | {percent(row['accuracy'])} ({low}–{high}) | {share:.0f} %, {right}"
        assert f"| {quoted} |" in text
    error = card()["metrics"]["holdout"]["as stored"]["ece"]
    assert f"off by {error:.3f} on average" in text


def test_the_readme_quotes_what_to_expect_of_other_products() -> None:
    text = README.read_text("utf-8")
    found = card()["metrics"]["elsewhere"]["as stored, validation and hold-out"]
    low, high = (f"{100 * end:.1f}" for end in found["interval_95"])
    assert f"**{percent(found['accuracy'])} ({low}–{high})**" in text
    share, right = 100 * found["auto"]["share"], percent(found["auto"]["accuracy"])
    assert f"So weighed, {share:.0f} %\nare filed without a look, {right} of them" in text


def test_the_table_of_conditions_is_of_the_model_that_ships() -> None:
    text = (BUNDLE / "CONDITIONS.md").read_text("utf-8")
    holdout = card()["metrics"]["holdout"]
    for name in ("native 60x80, other products", "phone photos"):
        row = holdout[name]
        low, high = row["interval_95"]
        assert f"| {name} | {row['n']} | {row['accuracy']:.3f} | {low:.3f}-{high:.3f} |" in text


def test_the_readme_quotes_the_benchmarks() -> None:
    text = README.read_text("utf-8")
    for size, row in measured()["drain"]["figures"].items():
        named = {"12 MP": "12 megapixels"}.get(size, size.replace("x", "×"))
        speed = row["photos_per_second"]["drain"]
        assert f"| {named} | {row['drain_of_limit']:.2f} | {speed:.0f} |" in text


def test_the_table_of_the_benchmarks_is_made_of_their_figures() -> None:
    assert (RESULTS / "latest.md").read_text("utf-8") == table(measured())


def test_every_name_on_the_page_of_the_architecture_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    names = set(re.findall(r"`((?:daemon|classifier)\.[\w.]+)`", text))
    assert len(names) > 30
    for name in names:
        module, _, attribute = name.rpartition(".")
        try:
            import_module(name)
        except ModuleNotFoundError:
            assert hasattr(import_module(module), attribute), name
    packages = {path.parent.name for path in (ROOT / "daemon").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `daemon/(\w+)` \|", text, re.MULTILINE)) == packages
