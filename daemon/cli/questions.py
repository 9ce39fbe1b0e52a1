"""What `nightsort setup` asks: each thing once, explained, and again where the answer will not do.

Explanations are the settings' own; what is answered is judged as the settings judge it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from config.answers import Values, value_of, with_value
from config.settings import FOLDER_KEYS, Settings, one_in_another, refusals, walk

_NOTHING = "-"  # what is typed to take an answer away
_SPAN = re.compile(r"\s*(\d{1,2}:\d\d)\s*(?:-|to|–)\s*(\d{1,2}:\d\d)\s*")


class Asker(Protocol):
    """Who asks a person."""

    def say(self, text: str) -> None:
        """Tell something."""

    def ask(self, question: str, default: str) -> str:
        """An answer; the default for an empty one."""

    def confirm(self, question: str, *, default: bool) -> bool:
        """Yes or no."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked, in a line, for one key or several."""

    keys: tuple[str, ...]
    words: str
    parse: Callable[[str], Sequence[Any]] = lambda text: (text,)  # raises ValueError with words
    usual: tuple[str, ...] = ("",)  # for each key: offered where nothing is set yet
    is_wanted: Callable[[Values], bool] = lambda _: True


def _folder(text: str) -> tuple[str]:
    """The place itself, wherever the file will lie."""
    return (str(Path(text).expanduser().absolute()),)


def _number(text: str) -> tuple[float]:
    try:
        return (float(text.replace(",", ".")),)
    except ValueError:
        raise ValueError(f"{text}: must be a number, such as 18.50") from None


def _span(text: str) -> tuple[str, str]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text}: must be two times, such as 02:00-06:00")
    return found[1].zfill(5), found[2].zfill(5)


def _language(text: str) -> tuple[str, str]:
    """Of reports and page: one for both, or one for each."""
    reports, _, page = text.partition("-")
    return reports.strip().lower(), (page or reports).strip().lower()


def _is_window(values: Values) -> bool:
    return value_of(values, "window.mode") in (None, "window")


def _has_contact(values: Values) -> bool:
    return value_of(values, "contact") is not None


_FIELDS = dict(walk(Settings))
QUESTIONS = (
    *(
        Question(
            (key,), key.removesuffix("_dir").capitalize(), _folder, (_FIELDS[key].examples[0],)
        )
        for key in FOLDER_KEYS
    ),
    Question(("window.mode",), "Mode", usual=("window",)),
    Question(("window.start", "window.end"), "From and to", _span, ("02:00", "06:00"), _is_window),
    Question(("window.timezone",), "Time zone"),
    Question(("reports.language", "web.language"), "Language", _language, ("en", "en")),
    Question(("links.incoming",), "Address of incoming"),
    Question(("links.sorted",), "Address of sorted"),
    Question(("links.results",), "Address of results"),
    Question(("contact.name",), "Whom people ask"),
    Question(("contact.phone",), "Their phone", is_wanted=_has_contact),
    Question(("contact.email",), "Their mail address", is_wanted=_has_contact),
    Question(("value.wage_per_hour",), "Wage", _number),
    Question(
        ("value.currency",),
        "Currency",
        usual=("EUR",),
        is_wanted=lambda values: value_of(values, "value.wage_per_hour") is not None,
    ),
)


def ask_all(values: Values, asker: Asker, categories: Sequence[str]) -> Values:
    """Ask for all that matters; returns the settings with what was answered.

    categories: those of the model.
    """
    asker.say(f"Enter takes what stands in brackets, “{_NOTHING}” takes an answer away.")
    for question in QUESTIONS:
        if question.is_wanted(values):
            values = _answered(question, values, asker)
    values = _with_mail(values, asker)
    return _with_places(values, asker, categories)


def _answered(question: Question, values: Values, asker: Asker) -> Values:
    asker.say("")
    for key in question.keys:
        asker.say(str(_FIELDS[key].description))
    set_already = [value_of(values, key) for key in question.keys]
    offered = (one or usual for one, usual in zip(set_already, question.usual, strict=True))
    shown = "-".join(dict.fromkeys(str(one) for one in offered))  # of two that are the same, one
    while True:
        text = asker.ask(question.words, shown).strip()
        if text == shown and None not in set_already:
            return values
        try:
            changed = _changed(question, values, text)
            complaints = _complaints(changed, question.keys)
        except ValueError as exc:
            complaints = [str(exc)]
        if not complaints:
            return changed
        for words in complaints:
            asker.say(words)


def _changed(question: Question, values: Values, text: str) -> Values:
    """The settings with that answer. Raises ValueError where it says nothing."""
    told: Sequence[Any] = [None for _ in question.keys]
    if text not in ("", _NOTHING):
        told = question.parse(text)
    for key, value in zip(question.keys, told, strict=True):
        values = with_value(values, key, value)
    return values


def _complaints(values: Values, keys: Sequence[str]) -> list[str]:
    """What is wrong with these keys, or with a table that they stand in."""
    complaints = [
        words
        for refused, words in refusals(values)
        if refused and any(f"{key}.".startswith(f"{refused}.") for key in keys)
    ]
    folders = {key: Path(values[key]) for key in FOLDER_KEYS if isinstance(values.get(key), str)}
    if keys[0] in folders and (inside := one_in_another(folders)):
        key, other = inside
        complaints.append(f"{folders[key]} lies in {folders[other]}; give each a folder of its own")
    return complaints


# --- whom to tell --------------------------------------------------------------------------------


def _with_mail(values: Values, asker: Asker) -> Values:
    asker.say("")
    targets: list[Any] = value_of(values, "alerts.targets") or []
    told = f" {len(targets)} are told already." if targets else ""
    asker.say(f"Trouble that a person must act on can be told by mail.{told}")
    while asker.confirm("Tell somebody by mail", default=not targets):
        target = _mail(asker)
        changed = with_value(values, "alerts.targets", [*targets, target])
        place = f"alerts.targets.{len(targets)}"
        wrong = [words for key, words in refusals(changed) if key.startswith(place)]
        if not wrong:
            return changed
        for words in wrong:
            asker.say(words)
    return values


def _mail(asker: Asker) -> dict[str, object]:
    target: dict[str, object] = {"type": "email", "host": asker.ask("Mail server", "")}
    user = asker.ask("User there, if it wants a login", "")
    if user not in ("", _NOTHING):
        asker.say("Its password is kept in a systemd credential of this name, not in the settings.")
        target |= {
            "user": user,
            "password_credential": asker.ask("Name of the credential", "mail-password"),
        }
    else:
        target["security"] = asker.ask("Encryption: starttls, tls or none", "starttls")
    target["from"] = asker.ask("Sender's address", user if "@" in user else "")
    target["to"] = [one.strip() for one in asker.ask("To whom, with commas", "").split(",")]
    wants_news = asker.confirm("Tell them each morning what was sorted, too", default=True)
    target["severities"] = [*(["info"] if wants_news else []), "warning", "error", "critical"]
    return target


# --- where things are stored ---------------------------------------------------------------------


def _with_places(values: Values, asker: Asker, categories: Sequence[str]) -> Values:
    asker.say("")
    asker.say("Pick lists can name the code and the place of each category, such as TS, Aisle 3.")
    known: dict[str, Any] = value_of(values, "categories") or {}
    if not asker.confirm("Say where each category is stored", default=False):
        return values
    places = dict(known)
    for category in dict.fromkeys((*categories, *known)):
        before = known.get(category, {})
        shown = ", ".join(filter(None, (before.get("code"), before.get("location"))))
        text = asker.ask(f"{category}: code, place", shown)
        if text in ("", _NOTHING):
            places.pop(category, None)
        elif text != shown:
            code, _, location = (part.strip() for part in text.partition(","))
            places[category] = {"code": code, "location": location}
    return {**values, "categories": places}
