"""Reports in German: what people read is German, fits its page, and no word is left over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from classifier.verdict import Thresholds
from config.contact import ContactSettings
from config.value import ValueSettings
from daemon.corrections.decisions import Decisions
from daemon.domain.corrections import Via
from daemon.domain.orders import Decision, Speaker
from daemon.domain.speech import ENGLISH, speech
from daemon.domain.value import Value, in_words
from daemon.folders.tree import Tree
from daemon.reporting import pages
from daemon.reporting.periodical import Periodical, Shop
from daemon.reporting.periods import Period
from daemon.reporting.settings_told import settings_told
from tests.integration.test_pick_lists import updater
from tests.support.browser import look_at
from tests.support.core import Core, tiny_photo
from tests.unit.daemon.alerting.test_render import SETTINGS

GERMAN = speech("de")
RUN = "20251013_020000"
MONDAY = datetime(2025, 10, 13, 2, tzinfo=UTC)
# Words that no German sentence has; names of categories, files and codes are no sentences.
ENGLISH_WORDS = re.compile(
    r"\b(the|is|are|of|and|were|not|been|photos?|from|it|to|what|since|still|by|waits?|filed|"
    r"this|that|which|their|them|with|week)\b"
)
TEMPLATES = Path(pages.__file__).parent / "templates"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    """A run with something of everything, and its German reports."""
    core = Core(tmp_path_factory.mktemp("core"), inline=True)
    core.clock.set_wall_clock(MONDAY - timedelta(days=6))
    for number in range(20):
        core.drop(f"return-{4000 + number}.png", tiny_photo("Tops", 900 + number))
    core.drain()
    core.clock.set_wall_clock(MONDAY)
    for number in range(4):
        core.drop(f"return-{700 + number}.png", tiny_photo("review", number))
    for number in range(30):
        core.drop(f"return-{5000 + number}.png", tiny_photo("Shirts", 100 + number))
    for number in range(12):
        core.drop(f"return-9_{number}.png", tiny_photo("Tops", 300 + number))
    core.drop("return-6000.png", tiny_photo("Shirts", 100))
    core.drop("return-800.png", b"Please call back.")
    core.drain()
    by, decisions = Speaker("Jörg", Via.PAGE), Decisions(core.store, core.corrector, core.clock)
    for name, decision, category in (
        ("return-700.png", Decision.AGREE, ""),
        ("return-701.png", Decision.CATEGORY, "Shirts"),
        ("return-702.png", Decision.RETAKE, ""),
    ):
        (story,) = core.store.history.stories(name)
        decisions.decide(story.id, decision, category, by)
    updater(core, GERMAN).make(RUN)
    core.corrector.correct("return-5003.png", "Tops", "Jörg")
    core.clock.set_wall_clock(MONDAY + timedelta(days=8))
    assumed = ValueSettings(wage_per_hour=18.5, monthly_cost=46.5)
    weekly = Periodical(core.store, Tree(core.results), core.clock, (), Shop(assumed), GERMAN)
    weekly.write(Period.week("2025-W42"))
    weekly.write(Period(date(2025, 10, 1), date(2025, 10, 14)))
    yield core
    core.stop()


def report(core: Core) -> Path:
    return core.results / f"batch_report_{RUN}.html"


def lists(core: Core) -> Path:
    return core.results / "exports" / f"pick_lists_{RUN}.html"


def week(core: Core) -> Path:
    return core.results / "period_report_2025-W42.html"


def fortnight(core: Core) -> Path:
    return core.results / "period_report_2025-10-01_2025-10-14.html"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", [report, lists, week, fortnight])
def test_a_german_page_fits_its_width_and_holds_no_english(
    core: Core, tmp_path: Path, page: Callable[[Core], Path], width: int
) -> None:
    seen = look_at(path := page(core), width, tmp_path)
    assert (seen.too_wide_px, seen.cut_off) == (0, [])
    assert '<html lang="de">' in path.read_text("utf-8")
    text = re.sub(r"\S+\.png|/\S+|nightsort correct PHOTO CATEGORY", "", seen.text)
    assert ENGLISH_WORDS.findall(text) == []
    assert ".." not in text


def test_the_page_of_a_run_says_in_german_what_it_says(core: Core) -> None:
    page = report(core).read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "<h1>Montag, 13. Oktober 2025</h1>" in page
    assert "48 Fotos sortiert bis 02:00 Uhr, nichts wartet mehr." in page
    assert "42 abgelegt, 4 zu entscheiden, 1 Duplikat, 1 neu zu fotografieren" in page
    assert "3 von 4 entschieden; die übrigen stehen vorn." in page
    assert "<b>ziehen Sie jedes Foto in den Ordner seiner Kategorie</b>" in page
    assert "Das ist kein Foto; der Inhalt sieht nach etwas anderem aus: reiner Text." in page
    assert "Tops bestätigt von Jörg" in page
    assert "41,2 %" in page
    assert "Retoure 6000 hat genau das Foto von Retoure 5000" in page
    assert "Auf eine Entscheidung wartet seit Mo 13.10. insgesamt 1 Foto." in page
    assert "Retoure 9 hat 12 Fotos in 1 Kategorie" in page


def test_pick_lists_are_german(core: Core) -> None:
    page = lists(core).read_text("utf-8")
    assert "<h1>Picklisten, Montag, 13. Oktober 2025</h1>" in page
    assert "1 noch zu entscheidendes Foto steht in keiner der Listen" in page
    assert "Mo 13.10.2025 · " in page
    assert "vielleicht Tops" in page


def test_the_page_of_a_week_is_german(core: Core) -> None:
    page = week(core).read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "<h1>Woche 42, 13. bis 19. Oktober 2025</h1>" in page
    assert "48 Fotos sortiert in 1 Lauf." in page
    assert "140 % mehr als in der Woche davor (20 Fotos); Erfolg damals 100,0 %." in page
    assert '<th scope="row">Mo 13.10.</th>' in page
    assert re.search("<dt>Geld (gespart|verloren)</dt><dd>[0-9]+,[0-9][0-9] EUR: ", page)
    assert "1 davon bei Fotos, die ohne Rückfrage abgelegt wurden" in page
    other = fortnight(core).read_text("utf-8")
    assert "<h1>1. bis 14. Oktober 2025</h1>" in other
    assert "keine Fotos im Zeitraum davor (17. bis 30. September 2025)." in other


def test_what_programs_read_is_the_same_in_every_language(core: Core, tmp_path: Path) -> None:
    def programs() -> dict[str, bytes]:
        files = [*core.results.rglob("*.csv"), *core.results.rglob("*.json")]
        return {str(path): path.read_bytes() for path in files}

    updater(core, GERMAN).make(RUN)
    german = programs()
    assert len(german) > 4
    updater(core).make(RUN)
    try:
        assert programs() == german
        assert "Photos to decide" in report(core).read_text("utf-8")
    finally:
        updater(core, GERMAN).make(RUN)


# --- pieces -----------------------------------------------------------------------------------


def test_what_was_saved_is_told_in_german() -> None:
    assumed = ValueSettings(wage_per_hour=18.5, monthly_cost=46.5)
    lines = dict(in_words(Value(2862, 131, 385, assumed, months=0.25), GERMAN))
    assert lines["Zeit gespart"].startswith("21 h 06 min: 2.862 Fotos mit 30 s von Hand, weniger")
    money = "diese Zeit zu 18,50 je Stunde, abzüglich 11,62 für nightsort bei 46,50 im Monat"
    assert lines["Geld gespart"].endswith(money)


def test_settings_are_told_in_german() -> None:
    bands = Thresholds(0.905, 0.7, None)
    assert settings_told(SETTINGS, bands, GERMAN) == [
        ("Betrieb", "Zeitfenster 02:00 bis 06:00"),
        ("Sicher", "ab 90,5 %"),
        ("Zu entscheiden", "unter 70,0 %, und wozu keine Kategorie passt"),
        ("Abgelegt in", "ein Ordner je Kategorie"),
    ]
    assert settings_told(SETTINGS, bands, ENGLISH) == [
        ("Mode", "window 02:00 to 06:00"),
        ("Sure from", "90.5 % on"),
        ("To decide", "below 70.0 %, and what no category fits"),
        ("Filed in", "a folder for each category"),
    ]
    asked = SETTINGS.model_copy(update={"contact": ContactSettings(name="IT", phone="+49 30 1")})
    assert settings_told(asked, bands, GERMAN)[0] == ("Wen fragen", "IT, +49 30 1")


# --- templates -----------------------------------------------------------------------------------


def test_no_template_of_a_report_holds_words_beside_the_catalogue() -> None:
    files = [*TEMPLATES.glob("*.j2")]
    assert len(files) == 10
    for path in files:
        words = _words_in(path.read_text("utf-8"))
        assert [word for word in words if word != "nightsort"] == [], path.name


def _words_in(template: str) -> list[str]:
    """Words that a template shows by itself: between tags, in labels, and in its strings."""
    template = re.sub(r"(?s){#.*?#}", "", template)
    strings = re.findall(r'"([^"{}<>]*)"', " ".join(re.findall(r"(?s){[{%](.*?)[%}]}", template)))
    shown = re.sub(r"(?s){[{%].*?[%}]}", "", template)
    labels = re.findall(r'(?:aria-label|alt|title)="([^"]*)"', shown)
    between = re.sub(r"(?s)<[^>]*>", " ", shown)
    spoken = [one for one in strings if re.search(r"[A-Za-z] |, [a-z]", one) and "%" not in one]
    return re.findall(r"[A-Za-z]{2,}", " ".join([between, *labels, *spoken]))
