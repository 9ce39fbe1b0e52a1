"""The settings that a run's page tells, as they hold now."""

from __future__ import annotations

from classifier.verdict import Thresholds
from config.settings import Settings
from daemon.domain.speech import Speech


def settings_told(settings: Settings, bands: Thresholds, say: Speech) -> list[tuple[str, str]]:
    """Label and text of each."""
    window, layout = settings.window, settings.filing.layout
    begin, end = f"{window.start:%H:%M}", f"{window.end:%H:%M}"
    mode = say(f"run.fact.{window.mode}", begin=begin, end=end)
    folder = layout if layout != "{category}" else say("run.fact.by_category")
    auto, review = (say.number(100 * share, 1) for share in (bands.auto, bands.review))
    ask = settings.contact.line
    return [
        *([(say("run.fact.ask"), ask)] if ask else []),
        (say("run.fact.mode"), mode),
        (say("run.fact.sure"), say("run.fact.sure_text", n=auto)),
        (say("run.fact.to_decide"), say("run.fact.to_decide_text", n=review)),
        (say("run.fact.filed_in"), folder),
    ]
