"""What alerts say: every rule in every phase, to a person in a hurry, whatever files are called."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.containers import corrupt, unsupported
from config.catalogue import Language
from config.contact import ContactSettings
from config.sections import ReportSettings
from config.settings import Settings
from config.timing import WindowSettings
from config.value import ValueSettings
from daemon.alerting.render import TEMPLATES, Message, message_of
from daemon.domain.alerts import RULES, Alert
from daemon.domain.learning_words import why_words
from daemon.domain.speech import speech
from daemon.domain.status_words import problem_again
from daemon.domain.value import Value
from tests.support.alert_samples import AT, FACTS, phases_of, sample

SETTINGS = Settings(
    incoming_dir=Path("/srv/photos/incoming"),
    sorted_dir=Path("/srv/photos/sorted"),
    results_dir=Path("/srv/photos/results"),
    state_dir=Path("/var/lib/nightsort"),
    window=WindowSettings(timezone="UTC"),
)
EVERYTHING = [(rule, phase) for rule in RULES for phase in phases_of(rule)]
HOSTILE = (
    "<b onload=x>&amp;<!channel> *bold* _it_ ~no~ `code` | [a](http://x)\r\nBcc: a@b.de\u202e\udcff"
)


def said(alert: Alert, **links: str) -> Message:
    linked = SETTINGS.model_copy(update={"links": SETTINGS.links.model_copy(update=links)})
    return message_of(alert, linked, host="box7")


def sentences(page: str) -> str:
    """What a page shows."""
    return " ".join(html.unescape(re.sub(r"(?s)<style>.*?</style>|<[^>]*>", " ", page)).split())


def test_samples_carry_the_facts_of_their_rule() -> None:
    assert {rule: set(facts) for rule, facts in FACTS.items()} == {
        rule: set(RULES[rule].facts) for rule in RULES
    }


def test_every_rule_has_words_and_no_words_lack_a_rule() -> None:
    for language in get_args(Language):
        files = (TEMPLATES / "rules" / language).glob("[a-z]*.j2")
        with_words = {path.name.partition(".")[0] for path in files}
        assert with_words == {*RULES, "test", "other"}, language


@pytest.mark.parametrize(("rule", "phase"), EVERYTHING)
def test_a_rule_is_told_in_all_ways_of_writing(rule: str, phase: Any) -> None:
    message = said(sample(rule, phase))
    told_as_it_is = rule.replace("_", " ") in message.text and "What it knows" in message.text
    assert not told_as_it_is, "its own words could not be filled in"
    first = message.text.splitlines()[0]
    assert first.startswith("Resolved: ") == (phase == "resolved")
    assert bool(re.match("Still (so|failing), day 3: ", first)) == (phase == "repeated")
    assert message.subject.startswith("[nightsort")
    # The subject alone says what happened.
    assert re.sub("[“”]", "", first) in message.subject
    assert len(message.subject) <= 150
    assert rule in message.text  # a stable name
    for way in (message.text, message.slack, sentences(message.html)):
        assert "box7" in way
        assert "None" not in way
        assert not re.search(r"[{}\ue000\ue001]| \| ", way)
        assert "  " not in re.sub(r"\n", "", way)
    assert len(message.slack) < 3000
    if phase in ("raised", "repeated"):
        assert "What to do: " in message.text
        assert "*What to do:* " in message.slack
        assert "What to do." in message.html


@pytest.mark.parametrize(("rule", "phase"), EVERYTHING)
def test_facts_that_may_be_unknown_leave_no_gap(rule: str, phase: Any) -> None:
    unknown = {
        name: None
        for name, about in RULES[rule].facts.items()
        if "null" in about and not (rule == "run_finished" and name == "run")
    }
    message = said(sample(rule, phase, **unknown))
    assert "What it knows about it" not in message.text
    assert "None" not in message.text
    assert "“”" not in message.text


@pytest.mark.parametrize(("rule", "phase"), EVERYTHING)
def test_hostile_facts_are_shown_literally(rule: str, phase: Any) -> None:
    message = said(sample(rule, phase, **_everywhere(FACTS[rule])))
    assert "\n" not in message.subject
    assert "\r" not in message.text
    assert "\u202e" not in message.text + message.html + message.slack + message.subject
    (message.text + message.html + message.slack + message.subject).encode("utf-8")
    assert "<b onload" not in message.html
    assert "<!channel>" not in message.html + message.slack
    outside_code = re.sub(r"`[^`\n]*`", "", message.slack)
    assert not re.search(r"\*bold\*|_it_|~no~|<b|\[a\]", outside_code)
    _Tags.check(message.html)


@pytest.mark.parametrize(("rule", "phase"), EVERYTHING)
@pytest.mark.parametrize(("language", "quoted"), [("en", "“(.*?)”"), ("de", "„(.*?)“")])
def test_only_facts_and_commands_are_quoted(
    rule: str, phase: Any, language: Language, quoted: str
) -> None:
    settings = SETTINGS.model_copy(update={"reports": ReportSettings(language=language)})
    for one in (FACTS[rule], {**FACTS[rule], "photos": 1, "waiting": 1}):
        text = message_of(sample(rule, phase, **one), settings, host="box7").text
        source = (TEMPLATES / "rules" / language / f"{rule}.j2").read_text("utf-8")
        known = str(FACTS[rule]) + " ".join(re.findall("`(.*?)`", source))
        known += why_words(str(FACTS[rule].get("why")), speech(language))
        known += "".join(problem_again(text, speech(language)) for text in _texts(FACTS[rule]))
        for words in re.findall(quoted, text):
            assert words in known or "models" in words


def test_what_went_wrong_is_said_in_the_language_of_the_mail() -> None:
    german = SETTINGS.model_copy(update={"reports": ReportSettings(language="de")})
    full = {"why": "/backups: no space left; free some space on that disk"}
    text = message_of(sample("backup_failed", "raised", **full), german, host="box7").text
    assert "„/backups: kein Platz mehr; auf dieser Platte welchen schaffen“" in text
    cut_off = "s3://a cannot be reached; see to the server, its certificate and the network between"
    both = {"why": f"PostgreSQL has not answered for more than 2 min 00 s; and {cut_off}"}
    text = message_of(sample("mirror_behind", "raised", **both), german, host="box7").text
    assert "PostgreSQL hat seit mehr als 2 min 00 s nicht geantwortet; und s3://a ist nicht" in text
    away = {
        "folders": {"sorted": "since Mon 02:00: sorted_dir /a was removed as soon as it was made"}
    }
    text = message_of(sample("share_unavailable", "raised", **away), german, host="box7").text
    assert "seit Mo 02:00: sorted_dir /a wurde entfernt, kaum dass es ihn gab" in text


def _texts(facts: Any) -> Iterator[str]:
    """Every text in them."""
    if isinstance(facts, dict | list):
        for one in facts.values() if isinstance(facts, dict) else facts:
            yield from _texts(one)
    elif isinstance(facts, str):
        yield facts


def _everywhere(facts: Any) -> Any:
    """Those facts, with every text that may come from outside replaced by a hostile one."""
    if isinstance(facts, dict):
        return {name: _everywhere(value) for name, value in facts.items()}
    if isinstance(facts, list):
        return [_everywhere(value) for value in facts]
    is_moment = isinstance(facts, str) and re.match(r"\d{4}-\d\d-\d\d", facts)
    return HOSTILE if isinstance(facts, str) and not is_moment else facts


class _Tags(HTMLParser):
    """Sees to it that every element ends, and that no script, picture or link is there."""

    VOID = ("meta", "br", "hr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    @classmethod
    def check(cls, page: str) -> None:
        parser = cls()
        parser.feed(page)
        assert parser.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag not in ("script", "img", "link", "iframe", "form")
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(st.text(max_size=40))
def test_whatever_a_file_is_called_the_alert_is_told(name: str) -> None:
    message = said(sample("high_error_rate", errors=[{"filename": name, "error": name}]))
    assert "What it knows about it" not in message.text
    message.text.encode("utf-8")
    _Tags.check(message.html)


def test_the_subject_says_how_bad_it_is() -> None:
    assert said(sample("share_unavailable")).subject == (
        "[nightsort critical] The folder incoming is not there: nothing is sorted"
    )
    assert said(sample("many_in_review")).subject == "[nightsort] 73 photos to decide"
    assert said(sample("share_unavailable", "resolved")).subject.startswith("[nightsort] Resolved:")


def test_times_are_those_of_the_window_though_the_store_keeps_utc() -> None:
    at_box = SETTINGS.model_copy(update={"window": WindowSettings(timezone="Asia/Kolkata")})
    run = message_of(sample("run_finished", finished="2025-10-13T02:07:00+00:00"), at_box)
    assert "The run ended 07:37" in run.text
    assert "2025-10-13 07:38" in run.text
    lasting = message_of(sample("low_disk", "repeated"), at_box)
    assert "It has lasted since Sat 11 Oct 07:38." in lasting.text


def test_since_when_it_lasts_is_said_in_the_time_of_the_alert() -> None:
    assert "It has lasted since Sat 11 Oct 02:08." in said(sample("low_disk", "repeated")).text
    today = sample("low_disk", "resolved", since="2025-10-13T01:00:00+00:00")
    assert "It had begun 01:00." in said(today).text


def test_where_to_look_is_said_as_people_reach_it() -> None:
    here = said(sample("run_finished")).text
    assert "Report: /srv/photos/results/batch_report_20251013_020000.html" in here
    assert "To decide: /srv/photos/sorted/_review" in here
    share = said(sample("run_finished"), results=r"\\box\results", sorted=r"\\box\photos")
    assert r"Report: \\box\results\batch_report_20251013_020000.html" in share.text
    assert 'href="file://box/results/batch_report_20251013_020000.html"' in share.html
    assert r"`\\box\photos\_review`" in share.slack
    web = said(sample("run_finished"), results="https://box.example/results")
    assert (
        "<https://box.example/results/batch_report_20251013_020000.html|"
        "https://box.example/results/batch_report_20251013_020000.html>" in web.slack
    )


def test_a_long_run_that_has_ended_is_not_said_to_go_on() -> None:
    assert "16 minutes so far" in said(sample("slow_run")).subject
    ended = said(sample("slow_run", has_ended=True))
    assert ended.subject == "[nightsort] Sorting took long: 16 minutes"
    assert "goes on" not in ended.text


def test_where_no_photo_could_be_read_no_others_were_sorted() -> None:
    assert "the others were sorted" in said(sample("high_error_rate")).text
    assert "others" not in said(sample("high_error_rate", failed=400)).text


def test_what_a_run_saved_is_told_a_loss_as_one_and_no_money_without_a_wage() -> None:
    assumed = ValueSettings(wage_per_hour=18.0)
    saved = Value(judged=100, reviews=5, looks=10, assumed=assumed).as_json()
    text = said(sample("run_finished", value=saved)).text
    assert "Time saved: 44 min 30 s: 100 photos at 30 s by hand" in text
    assert "Money saved: 13.35 EUR: that time at 18.00 an hour" in text
    assert "Its seconds: by hand assumed: [value] seconds_by_hand; decisions assumed" in text
    lost = Value(judged=10, reviews=10, looks=0, assumed=ValueSettings()).as_json()
    text = said(sample("run_finished", value=lost)).text
    assert "Time lost: 2 min 40 s: 10 photos at 30 s" in text
    assert "Money" not in text


def test_what_an_older_one_kept_of_a_run_is_told_without_it() -> None:
    sent = sample("run_finished")
    older = replace(sent, facts={key: one for key, one in sent.facts.items() if key != "value"})
    text = said(older).text
    assert "Time saved" not in text
    assert "To decide: 17" in text


def test_a_quiet_run_asks_for_nothing() -> None:
    message = said(sample("run_finished", review=0, failed=0))
    assert message.subject == "[nightsort] 412 photos sorted"
    assert "What to do" not in message.text
    assert "_review" not in message.text


def test_an_alert_of_another_version_is_told_with_its_facts() -> None:
    unknown = Alert("k", "comet_struck", "error", "raised", 1, AT, {"size_m": 3, "name": "<i>"})
    message = said(unknown)
    assert message.subject == "[nightsort error] comet_struck"
    assert "size_m: “3”" in message.text
    assert "name: “<i>”" in message.text
    changed = said(Alert("k", "low_disk", "warning", "raised", 1, AT, {"free": 3}))
    assert "free: “3”" in changed.text


def test_long_facts_are_cut() -> None:
    message = said(sample("run_failed", why="x" * 5000))
    assert len(message.text) < 1500


def test_the_page_for_administrators_lists_every_rule_as_it_is() -> None:
    page = (Path(__file__).parents[4] / "docs/alerts.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `(\w+)` \| (\w+) \| ([^|]*) \| (?:`(\w+)` )?", page)
    listed = {rule: (severity, when, setting) for rule, severity, when, setting in rows}
    assert listed == {
        name: (rule.severity, rule.when, rule.setting or "") for name, rule in RULES.items()
    }


NOT_SUPPORTED = {
    "filename": "scan.tif",
    "error": unsupported("a JPEG of 12 bits a colour").text,
}
DAMAGED = {"filename": "return-1.jpg", "error": corrupt("its content cannot be decoded").text}


def test_no_camera_is_blamed_for_a_kind_of_file_that_is_not_supported() -> None:
    alert = sample("high_error_rate", errors=[NOT_SUPPORTED, NOT_SUPPORTED])
    told = said(alert).text
    assert "save these photos as JPEG" in told
    assert "camera" not in told
    assert "photograph these items again" not in told.lower()


def test_what_is_damaged_beside_it_still_points_to_a_camera() -> None:
    told = said(sample("high_error_rate", errors=[NOT_SUPPORTED, DAMAGED])).text
    assert "save these photos as JPEG" in told
    assert "one camera, memory card or cable" in told
    told = said(sample("high_error_rate", errors=[DAMAGED])).text
    assert "supported" not in told
    assert "one camera, memory card or cable" in told


def test_whom_people_may_ask_stands_in_each_message_and_nothing_where_nobody_is_named() -> None:
    contact = ContactSettings(name="IT <desk>", phone="+49 30 1234", email="it@example.com")
    asked = SETTINGS.model_copy(update={"contact": contact})
    message = message_of(sample("run_failed"), asked, host="box7")
    for told in (message.text, sentences(message.html), html.unescape(message.slack)):
        assert "Questions? IT <desk>, +49 30 1234, it@example.com" in told
    assert "IT <desk>" not in message.html
    assert "Questions?" not in said(sample("run_failed")).text
