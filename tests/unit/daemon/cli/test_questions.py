"""What setup asks: offered, judged as the settings judge it, asked again, and kept."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.answers import as_file, merged, value_of, with_value
from config.errors import ConfigError
from config.settings import FOLDER_KEYS, Settings, refusals, walk
from daemon.cli.questions import QUESTIONS, ask_all

FOLDERS = {key: f"/srv/shop/{key}" for key in FOLDER_KEYS}


class Person:
    """Answers by question; Enter to all else. Each list is gone through, then Enter again."""

    def __init__(self, answers: Mapping[str, Any] = {}) -> None:
        self._answers = {key: [value] if isinstance(value, str | bool) else [*value]
                         for key, value in answers.items()}  # fmt: skip
        self.heard: list[str] = []
        self.asked: list[str] = []

    def say(self, text: str) -> None:
        self.heard.append(text)

    def ask(self, question: str, default: str) -> str:
        self.asked.append(question)
        waiting = self._answers.get(question)
        return str(waiting.pop(0)) if waiting else default

    def confirm(self, question: str, *, default: bool) -> bool:
        del default
        self.asked.append(question)
        waiting = self._answers.get(question)
        return bool(waiting.pop(0)) if waiting else False


def test_enter_alone_gives_settings_that_can_be_used() -> None:
    person = Person()
    values = ask_all({}, person, ["Shirts"])
    assert refusals(values) == []
    assert values["incoming_dir"] == "/srv/nightsort/incoming"
    assert (value_of(values, "window.start"), value_of(values, "window.end")) == ("02:00", "06:00")
    assert tomllib.loads(as_file(values))["window"] == values["window"]
    known = dict(walk(Settings))
    asked = {key for question in QUESTIONS for key in question.keys}
    asked -= {"value.currency", "contact.phone", "contact.email"}  # of nothing that was said
    assert {known[key].description for key in asked} <= {*person.heard}  # each is explained


def test_an_answer_that_will_not_do_is_asked_for_again_with_the_reason() -> None:
    person = Person(
        {
            "Sorted": ["/srv/nightsort/incoming/sorted"],
            "From and to": ["2 o'clock", "25:00-26:00", "03:00-03:00", "1:30 to 4:45"],
            "Time zone": ["Europe/Berln", "Europe/Berlin"],
            "Wage": ["much", "18,5"],
            "Currency": ["Euro", "EUR"],
        }
    )
    values = ask_all({"incoming_dir": "/srv/nightsort/incoming"}, person, [])
    assert values["window"] == {
        "mode": "window", "start": "01:30", "end": "04:45", "timezone": "Europe/Berlin",
    }  # fmt: skip
    assert values["value"] == {"wage_per_hour": 18.5, "currency": "EUR"}
    heard = "\n".join(person.heard)
    assert "2 o'clock: must be two times, such as 02:00-06:00" in heard
    assert "start and end are the same time; set them apart" in heard
    assert "is no known time zone" in heard
    assert "much: must be a number, such as 18.50" in heard


def test_a_folder_in_another_is_refused_at_its_own_question() -> None:
    person = Person({"State": ["/srv/nightsort/sorted", "/srv/nightsort/incoming/x", "/var/x"]})
    values = ask_all({}, person, [])
    assert values["state_dir"] == "/var/x"
    assert "/srv/nightsort/sorted lies in /srv/nightsort/sorted" in "\n".join(person.heard)
    assert person.asked.count("State") == 3
    assert refusals(values) == []


def test_what_is_set_is_offered_and_what_is_not_asked_for_is_kept() -> None:
    before: dict[str, Any] = {
        **FOLDERS,
        "window": {"start": "01:00", "end": "05:00", "days": ["mon", "tue"]},
        "retention": {"reports_days": 90.0},
        "links": {"sorted": "//box/sorted"},
        "value": {"wage_per_hour": 18.5, "currency": "CHF"},
    }
    values = ask_all(before, Person({"Address of sorted": "-"}), [])
    window = {"start": "01:00", "end": "05:00", "days": ["mon", "tue"], "mode": "window"}
    assert values == {
        **FOLDERS, "window": window, "retention": before["retention"], "value": before["value"],
        "reports": {"language": "en"}, "web": {"language": "en"},
    }  # fmt: skip


def test_a_language_is_that_of_reports_and_page_and_two_are_kept() -> None:
    person = Person({"Language": ["english", "de"], "Whom people ask": "IT desk"})
    values = ask_all(FOLDERS, person, [])
    assert (values["reports"], values["web"]) == ({"language": "de"}, {"language": "de"})
    assert person.asked.count("Language") == 2
    assert values["contact"] == {"name": "IT desk"}
    assert {"Their phone", "Their mail address"} <= {*person.asked}
    two = {**values, "web": {"language": "en"}}
    assert ask_all(two, Person(), []) == two
    half = {**FOLDERS, "reports": {"language": "de"}}
    assert ask_all(half, Person(), [])["web"] == {"language": "en"}


def test_mail_is_asked_for_again_until_it_can_be_sent() -> None:
    person = Person(
        {
            "Tell somebody by mail": [True, True],
            "Mail server": ["mail.example.com", "mail.example.com"],
            "User there, if it wants a login": ["box@example.com", "box@example.com"],
            "To whom, with commas": ["nobody", "it@example.com, boss@example.com"],
            "Tell them each morning what was sorted, too": [True, True],
        }
    )
    values = ask_all(FOLDERS, person, [])
    (target,) = values["alerts"]["targets"]
    assert target == {
        "type": "email",
        "host": "mail.example.com",
        "user": "box@example.com",
        "password_credential": "mail-password",
        "from": "box@example.com",
        "to": ["it@example.com", "boss@example.com"],
        "severities": ["info", "warning", "error", "critical"],
    }
    assert any("alerts.targets" in text for text in person.heard)
    assert tomllib.loads(as_file(values))["alerts"] == values["alerts"]


def test_places_of_categories_are_code_and_place() -> None:
    person = Person(
        {
            "Say where each category is stored": True,
            "Shirts: code, place": "SH, Section B, Aisle 2",
            "Socks: code, place": "-",
        }
    )
    known = {"Socks": {"code": "SO", "location": ""}, "Ties": {"code": "TI", "location": "C"}}
    values = ask_all({**FOLDERS, "categories": known}, person, ["Shirts", "Tops"])
    assert values["categories"] == {
        "Shirts": {"code": "SH", "location": "Section B, Aisle 2"},
        "Ties": {"code": "TI", "location": "C"},
    }


def test_a_window_is_asked_for_only_where_there_is_one() -> None:
    person = Person({"Mode": "continuous"})
    values = ask_all(FOLDERS, person, [])
    assert values["window"] == {"mode": "continuous"}
    assert "From and to" not in person.asked


# --- the file ----------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(st.dictionaries(TEXTS, st.fixed_dictionaries({"code": TEXTS, "location": TEXTS})), TEXTS)
def test_whatever_is_answered_stands_in_the_file_as_it_was_said(
    categories: dict[str, dict[str, str]], link: str
) -> None:
    values = {**FOLDERS, "links": {"sorted": link}, "categories": categories}
    try:
        text = as_file(values)
    except ConfigError:
        assert refusals(values)
    else:
        read = tomllib.loads(text)
        assert read["links"] == {"sorted": link}
        assert read["categories"] == categories if categories else "categories" not in read


def test_settings_that_are_wrong_are_no_file() -> None:
    with pytest.raises(ConfigError, match=r"widnow.*no such setting.*did you mean window"):
        as_file({**FOLDERS, "widnow": {"mode": "manual"}})


def test_tables_are_merged_key_by_key() -> None:
    one = {"a": 1, "t": {"x": 1, "y": 2}}
    assert merged(one, {"t": {"y": 3}, "b": 4}) == {"a": 1, "b": 4, "t": {"x": 1, "y": 3}}
    assert with_value(one, "t.x", None) == {"a": 1, "t": {"y": 2}}
    assert with_value({}, "t.x", 1) == {"t": {"x": 1}}
    assert one == {"a": 1, "t": {"x": 1, "y": 2}}
