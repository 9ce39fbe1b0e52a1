"""Reloading: takes new settings while the service runs, as far as that is safe.

When to drain and whom to alert can change under way; everything else is told to need a restart. A
file that is wrong changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import structlog

from config.errors import ConfigError
from config.settings import Settings, walk
from daemon.notify import Notifier
from daemon.timetable import Timetable

log = structlog.get_logger()

_TABLES = ("window.", "alerts.")
# Run ids and times in results are in this zone from the start on.
_NEEDS_RESTART = "window.timezone"


class Reloading:
    """Reads the settings again when asked to."""

    def __init__(
        self,
        settings: Settings,
        reread: Callable[[], Settings],
        timetable: Timetable,
        notifier: Notifier,
        taken: Callable[[Settings], None],
    ) -> None:
        """`reread` raises ConfigError that says what is wrong; taken: told the settings in use."""
        self._settings = settings
        self._reread = reread
        self._timetable = timetable
        self._notifier = notifier
        self._taken = taken
        self._is_asked = False
        self.problem = ""  # why the newest settings do not hold, in a sentence

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
            self.problem = f"the new settings are not in use: {str(exc).replace(chr(10), '; ')}"
            log.error("settings_refused", why=str(exc))
            return
        self.problem = ""
        changed = changes(self._settings, new)
        taken = [key for key in changed if key.startswith(_TABLES) and key != _NEEDS_RESTART]
        zone = self._settings.window.timezone
        window = new.window.model_copy(update={"timezone": zone})
        self._timetable.take(window)
        in_use = {"window": window, "alerts": new.alerts}
        self._settings = self._settings.model_copy(update=in_use)
        self._taken(self._settings)
        need_restart = [key for key in changed if key not in taken]
        tell = log.warning if need_restart else log.info
        tell("settings_reloaded", taken=taken, need_restart=need_restart)


def changes(old: Settings, new: Settings) -> list[str]:
    """The keys, dotted, whose values differ."""
    return [key for key, _ in walk(Settings) if _value(old, key) != _value(new, key)]


def _value(settings: Settings, key: str) -> object:
    return reduce(getattr, key.split("."), settings)
