"""Makes the cards of a shop's own settings: pages that load nothing, for A4 and black ink."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from config import catalogue
from config.settings import Settings
from web.cards.windows import sorted_when
from web.pages.keys import KEYS
from web.reading.cards import named_well
from web.templating import TEXTS, templates

_DAYS = 3  # until which all is to be decided, where no alert says so
CARDS = ("station", "clerk", "checklists")


def cards(settings: Settings, language: str, today: date) -> Mapping[str, str]:
    """The HTML of each card, by its name."""
    t = catalogue.read(TEXTS)[language]
    values: dict[str, Any] = {
        "t": t,
        "contact": settings.contact,
        "links": settings.links,
        "page": settings.web.public_url,
        "names": named_well(settings),
        "when": sorted_when(settings.window, t),
        "categories": sorted(settings.categories.items(), key=lambda one: one[0].casefold()),
        "keys": KEYS,
        "review_folder": settings.filing.review_folder,
        "undecided_days": settings.alerts.undecided_days or _DAYS,
        "today": today.strftime(t("cards.date")),
    }
    pages = templates()
    return {card: pages.get_template(f"cards_{card}.html").render(**values) for card in CARDS}
