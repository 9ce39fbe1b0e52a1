"""Reloading: takes new settings while the service runs, as far as that is safe.

Whole tables of the settings can change under way, those that somebody takes; everything else is
told to need a restart. A file that is wrong changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import structlog

from config.errors import ConfigError
from config.settings import Settings, walk
from daemon.domain.status_words import NO_PROBLEM, problem
from daemon.health.systemd import Notifier

log = structlog.get_logger()

Taker = Callable[[Settings], None]

# Run ids and times in results are in this zone from the start on.
_TIMEZONE = "window.timezone"


class Reloading:
    """Reads the settings again when asked to."""

    def __init__(
        self,
        settings: Settings,
        reread: Callable[[], Settings],
        takers: Mapping[str, Taker],
        notifier: Notifier,
    ) -> None:
        """`reread` raises ConfigError that says what is wrong.

        takers: by the name of a table, or of a key in none, who works by it and takes the settings
        at each reload, in this thread.
        """
        self._settings = settings
        self._reread = reread
        self._takers = takers
        self._notifier = notifier
        self._is_asked = False
        self.problem = NO_PROBLEM  # why the newest settings do not hold, in a sentence

    @property
    def settings(self) -> Settings:
        """Those that are in use; from any thread."""
        return self._settings

    def ask(self) -> None:
        """Ask for a reload; from any thread or signal handler."""
        self._is_asked = True

    def check(self) -> None:
        """Reload if that was asked for."""
        if self._is_asked:
            self._is_asked = False
            with self._notifier.reloading():
                self._reload()

    def _reload(self) -> None:
        try:
            new = self._reread()
        except ConfigError as exc:
            self.problem = problem("not_in_use", settings=str(exc).replace("\n", "; "))
            log.error("settings_refused", why=str(exc))
            return
        self.problem = NO_PROBLEM
        tell_renamed(new)
        changed = changes(self._settings, new)
        taken = [key for key in changed if self._is_taken(key)]
        need_restart = [key for key in changed if key not in taken]
        self._settings = self._with_tables_of(new)
        for take in dict.fromkeys(self._takers.values()):
            take(self._settings)
        tell = log.warning if need_restart else log.info
        tell("settings_reloaded", taken=taken, need_restart=need_restart)

    def _is_taken(self, key: str) -> bool:
        return key.partition(".")[0] in self._takers and key != _TIMEZONE

    def _with_tables_of(self, new: Settings) -> Settings:
        tables = {table: getattr(new, table) for table in self._takers}
        if "window" in tables:
            zone = self._settings.window.timezone
            tables["window"] = new.window.model_copy(update={"timezone": zone})
        merged = self._settings.model_copy(update=tables)
        merged._sources = self._settings.sources.with_tables(new.sources, self._takers)
        return merged


def tell_renamed(settings: Settings) -> None:
    """Log which keys have another name today."""
    for warning in settings.renamed:
        log.warning("setting_renamed", why=warning)


def changes(old: Settings, new: Settings) -> list[str]:
    """The keys, dotted, whose values differ."""
    return [key for key, _ in walk(Settings) if _value(old, key) != _value(new, key)]


def _value(settings: Settings, key: str) -> object:
    return reduce(getattr, key.split("."), settings)
