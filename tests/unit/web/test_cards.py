"""Cards to print say what a shop's own settings say, in each language."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from web.cards.making import CARDS, cards
from web.pages.keys import KEYS
from web.templating import HERE

TODAY = date(2026, 11, 27)


def made(language: str = "en", **settings: Any) -> dict[str, str]:
    folders = {f"{name}_dir": f"/srv/{name}" for name in ("incoming", "sorted", "results", "state")}
    return dict(cards(Settings.model_validate(folders | settings), language, TODAY))


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_card_loads_nothing_and_runs_nothing(language: str) -> None:
    pages = made(language)
    assert tuple(pages) == CARDS
    for text in pages.values():
        assert f'<html lang="{language}">' in text
        assert not re.search(r"<script|<link|<img|src=|href=|url\(http|@import", text)


def test_what_is_set_stands_there_and_what_is_not_is_a_line_to_write_on() -> None:
    bare = made()
    assert 'class="blank"' in bare["station"]
    said = made(
        links={"incoming": r"\\box\incoming", "sorted": r"\\box\photos", "results": "/results"},
        contact={"name": "IT desk", "phone": "+49 30 1"},
        web={"public_url": "https://box.lan"},
        categories={"Tshirts": {"code": "TS", "location": "Section A, Aisle 3"}},
        alerts={"undecided_days": 5},
    )
    assert r"\\box\incoming" in said["station"]
    for words in (r"\\box\photos", "/results", "https://box.lan", "TS", "Section A, Aisle 3"):
        assert words in said["clerk"], words
    assert "none older than 5 days" in said["checklists"]
    assert all("IT desk, +49 30 1" in text for text in said.values())
    assert 'class="blank"' not in said["station"] + said["clerk"]


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ({}, "every night between 02:00 and 06:00"),
        ({"start": "22:30", "days": ["mon", "fri"]}, "between 22:30 and 06:00 (Mon, Fri)"),
        ({"mode": "continuous"}, "within minutes, all day"),
        ({"mode": "manual"}, "when somebody starts it"),
    ],
)
def test_it_says_when_photos_are_sorted(window: dict[str, object], words: str) -> None:
    assert words in made(window=window)["station"]


def test_only_names_that_are_understood_here_are_shown() -> None:
    usual = made()["station"]
    assert "return-60521_front.jpg → <b>60521</b>" in usual
    assert "RET-20251013-001.jpg → <b>20251013-001</b>" in usual
    own = made(returns={"pattern": r"RMA(\d+)"})["station"]
    assert "RMA60521.jpg → <b>60521</b>" in own
    assert "return-60521" not in own
    other = made(returns={"pattern": r"case (\d{9})"})["station"]
    assert "As agreed here" in other


def test_the_keys_are_those_of_the_pages_help() -> None:
    clerk, help_page = made()["clerk"], (HERE / "templates/review.html").read_text("utf-8")
    assert "{% for key in keys %}" in help_page
    assert [*re.findall(r"<kbd>(.)</kbd>", clerk)] == [
        cap for key in KEYS for cap in key.caps if len(cap) == 1
    ]
    script = (HERE / "static/review/keys.js").read_text("utf-8")
    for key in ("Enter", "ArrowLeft", "ArrowRight"):
        assert f'"{key}"' in script


def test_what_settings_say_is_text_and_never_a_part_of_the_page() -> None:
    evil = "<script>alert(1)</script>"
    pages = made(
        links={"incoming": evil}, contact={"name": evil}, categories={evil: {"code": evil}}
    )
    assert all("<script" not in text for text in pages.values())


def test_every_card_has_a_sentence_for_all_it_says(tmp_path: Path) -> None:
    for text in made("de").values():
        (tmp_path / "card.html").write_text(text, "utf-8")
        assert "cards." not in re.sub(r"nightsort cards", "", text)
