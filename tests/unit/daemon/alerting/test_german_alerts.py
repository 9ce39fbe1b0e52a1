"""In German every alert says what it says in English."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import Environment, meta

from config.sections import ReportSettings
from daemon.alerting.render import TEMPLATES, Message, message_of
from daemon.alerting.render_filters import filters
from daemon.domain.alerts import RULES, Alert
from daemon.domain.speech import ENGLISH
from tests.support.alert_samples import AT, FACTS, sample
from tests.unit.daemon.alerting.test_render import (
    EVERYTHING,
    SETTINGS,
    _everywhere,
    _Tags,
)

GERMAN = SETTINGS.model_copy(update={"reports": ReportSettings(language="de")})
WORDS = sorted(path.name for path in (TEMPLATES / "rules" / "en").glob("*.j2"))
# Words that no German sentence has.
ENGLISH_WORDS = re.compile(
    r"\b(the|is|are|of|and|were|not|been|photos?|from|it|to|what|since|still|day|by|waits?)\b",
    re.IGNORECASE,
)


def said(alert: Alert) -> Message:
    return message_of(alert, GERMAN, host="box7")


def without_facts(text: str) -> str:
    """What a message says by itself: quoted are facts, and commands."""
    return re.sub("„.*?“|/srv/photos\\S*|batch_results\\S*", "", text, flags=re.DOTALL)


@pytest.mark.parametrize(("rule", "phase"), EVERYTHING)
def test_an_alert_is_told_in_german(rule: str, phase: Any) -> None:
    message = said(sample(rule, phase))
    assert "Was es darüber weiß" not in message.text, "its own words could not be filled in"
    own_name = f"{rule} · {RULES[rule].severity}"
    assert own_name in message.text
    ours = without_facts(message.text).replace(own_name, "")
    assert ENGLISH_WORDS.findall(ours) == []
    assert not re.search(r"[“”]\w", message.text.replace("“", "", message.text.count("„")))
    assert message.text.startswith("Behoben: ") == (phase == "resolved")
    assert bool(re.match("Noch immer (so|gestört), Tag 3: ", message.text)) == (phase == "repeated")
    assert "13.10.2025 02:08" in message.text
    assert '<html lang="de">' in message.html
    if phase in ("raised", "repeated"):
        assert "\nWas zu tun ist: " in message.text
        assert "*Was zu tun ist:* " in message.slack
        assert "<b>Was zu tun ist.</b>" in message.html
    for way in (message.text, message.slack, message.html):
        assert "None" not in way
        assert not re.search(r"[{}\ue000\ue001]| \| ", re.sub("(?s)<style>.*?</style>", "", way))
    assert len(message.slack) < 3000
    assert len(message.subject) <= 150


@pytest.mark.parametrize("rule", ["lesson_learnt", "promotion_compared"])
def test_why_a_version_is_better_is_told_in_german(rule: str) -> None:
    why = "of 1,278 photos 19 become right and 3 wrong; what no catalogue knows"
    message = said(sample(rule, why=why))
    for text in (message.text, message.html, message.slack):
        words = text.replace("\N{NO-BREAK SPACE}", " ")
        assert "von 1.278 Fotos werden 19 richtig und 3 falsch; what no catalogue knows" in words


@pytest.mark.parametrize(("rule", "phase"), EVERYTHING)
def test_hostile_facts_are_shown_literally_in_german_too(rule: str, phase: Any) -> None:
    message = said(sample(rule, phase, **_everywhere(FACTS[rule])))
    assert "\n" not in message.subject
    assert "<b onload" not in message.html
    assert "<!channel>" not in message.html + message.slack
    _Tags.check(message.html)


@pytest.mark.parametrize(("rule", "phase"), EVERYTHING)
def test_what_may_be_unknown_leaves_no_gap_in_german(rule: str, phase: Any) -> None:
    unknown = {
        name: None
        for name, about in RULES[rule].facts.items()
        if "null" in about and not (rule == "run_finished" and name == "run")
    }
    message = said(sample(rule, phase, **unknown))
    assert "Was es darüber weiß" not in message.text
    assert "None" not in message.text
    assert "„“" not in message.text


def _parsed(language: str, name: str) -> tuple[str, Any]:
    environment = Environment(autoescape=True)
    environment.filters |= filters(ENGLISH, str)
    source = (TEMPLATES / "rules" / language / name).read_text("utf-8")
    return source, environment.parse(source)


@pytest.mark.parametrize("name", WORDS)
def test_both_languages_say_the_same_of_the_same_facts(name: str) -> None:
    (english, one), (german, other) = _parsed("en", name), _parsed("de", name)
    assert re.findall("block (\\w+)", german) == re.findall("block (\\w+)", english)
    assert meta.find_undeclared_variables(other) == meta.find_undeclared_variables(one)
    assert {*re.findall("`([^`]+)`", english)} <= {*re.findall("`([^`]+)`", german)}
    lines = [re.findall("(?m)^[^{\n]* \\| ", source) for source in (english, german)]
    assert len(lines[0]) == len(lines[1])
    assert re.findall(r"\| (sorted|results) \| (.+)", german) == re.findall(
        r"\| (sorted|results) \| (.+)", english
    )


def test_numbers_and_days_are_written_as_in_german() -> None:
    week = said(sample("weekly_summary"))
    assert week.subject == "[nightsort] Woche 2025-W42: 2.904 Fotos sortiert"
    assert "Mo 13.10. bis So 19.10.: 7 Läufe, 2.731 Fotos abgelegt" in week.text
    assert "Geld gespart: 389,94 EUR" in week.text
    assert "Erfolg: 99,3 %" in week.text
    assert "seit Sa 11.10. 02:08 an." in said(sample("low_disk", "repeated")).text
    assert "Frei auf der Platte von sorted: 3,2 GB" in said(sample("low_disk")).text


@pytest.mark.parametrize("rule", ["run_finished", "weekly_summary", "monthly_summary"])
def test_what_was_saved_is_told_in_german_with_where_its_seconds_are_from(rule: str) -> None:
    text = said(sample(rule)).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Zeit gespart: " in text
    assert "Entscheidungen mit 31,2 s" in text
    assert "EUR: diese Zeit zu 18,50 je Stunde" in text
    assert "Entscheidungen gemessen: 412 Entscheidungen der letzten 12 Wochen, Median" in text
    assert "von Hand angenommen: [value] seconds_by_hand" in text


def test_why_a_photo_could_not_be_read_is_german_and_what_a_machine_says_is_quoted() -> None:
    error = "the photo is damaged (its content cannot be decoded): take or copy the photo again"
    read = said(sample("high_error_rate", errors=[{"filename": "a.jpg", "error": error}]))
    assert "„Das Foto ist beschädigt (der Inhalt ist nicht lesbar)." in read.text
    assert "login refused" in said(sample("target_undeliverable")).text


def test_an_alert_of_another_version_is_told_in_german_with_its_facts() -> None:
    message = said(Alert("k", "comet_struck", "error", "raised", 1, AT, {"size_m": 3}))
    assert message.subject == "[nightsort error] comet_struck"
    assert "size_m: „3“" in message.text
