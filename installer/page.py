"""The page: whether it is wanted and where it listens, as asked or told; then enabled and started.

It is off unless somebody wants it. An upgrade asks nothing and keeps what was decided.
"""

from __future__ import annotations

import json
import re
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

from installer.errors import InstallError
from installer.files import rewrite
from installer.layout import WEB, WEB_USER, Layout
from installer.machine import Machine

LOOPBACK = "127.0.0.1:8484"
EVERYWHERE = "0.0.0.0:8484"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}")
_TABLE = re.compile(r"^\[web\][ \t]*(#.*)?$", re.MULTILINE)
_SET = re.compile(r"^[ \t]*listen[ \t]*=.*$", re.MULTILINE)
_EXAMPLE = re.compile(r"^#[ \t]*listen[ \t]*=.*$", re.MULTILINE)
_NEXT_TABLE = re.compile(r"^\[", re.MULTILINE)
_ASKS = """
import json, sys
from pathlib import Path
from config.settings import load
from web.addresses import is_loopback
web = load(Path(sys.argv[1])).web
is_own = not (is_loopback(web.host) or web.tls_certificate or web.trusted_proxies)
print(json.dumps({"listen": web.listen, "needs_certificate": is_own}))
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the administrator wants of the page."""

    is_wanted: bool | None = None  # None: as it is
    listen: str = ""  # empty: as the settings say


AS_IT_IS = Wish()


def asked(ask: Callable[[str], str], tell: Callable[[str], None]) -> Wish:
    """The wish of the person at the terminal. Enter alone takes what stands in brackets."""
    tell("The page lets people decide photos and look things up in a browser, with accounts.")
    if not _answer(ask, "Shall it run? [y/N] ").startswith(("y", "j")):
        return Wish(is_wanted=False)
    tell(f"  1  for this machine alone, or a proxy on it ({LOOPBACK})")
    tell(f"  2  for other machines too, encrypted by a certificate of its own ({EVERYWHERE})")
    tell("  or an address and port, such as 192.168.1.20:8484")
    while True:
        place = _answer(ask, "Where shall it listen? [1] ") or "1"
        listen = {"1": LOOPBACK, "2": EVERYWHERE}.get(place, place)
        if is_address(listen):
            return Wish(is_wanted=True, listen=listen)
        tell(f"{place} is no address and port.")


def wants_questions(ask: Callable[[str], str], tell: Callable[[str], None]) -> bool:
    """Whether the person at the terminal wants to be asked for the settings."""
    tell("Folders, window, mail and the rest can be asked for now, some twenty short questions;")
    tell("nightsort setup asks them later, too.")
    return _answer(ask, "Ask them now? [y/N] ").startswith(("y", "j"))


def _answer(ask: Callable[[str], str], question: str) -> str:
    try:
        return ask(question).strip().lower()
    except EOFError:  # nobody answers: nothing is opened to anybody
        return ""


def is_address(text: str) -> bool:
    """Whether it looks like an address and port."""
    return _ADDRESS.fullmatch(text) is not None and int(text.rpartition(":")[2]) < 65536


def is_asked(*, is_new: bool) -> bool:
    """Whether to ask: at the first installation, where somebody can answer."""
    return is_new and sys.stdin.isatty() and sys.stdout.isatty()


class Page:
    """The page's unit and its part of the settings."""

    def __init__(self, layout: Layout, machine: Machine, tell: Callable[[str], None]) -> None:
        self._layout = layout
        self._machine = machine
        self._tell = tell

    def settle(self, wish: Wish) -> None:
        """Write where it listens into the settings; raises InstallError where that cannot be."""
        if wish.is_wanted and wish.listen:
            text = self._layout.settings.read_text(encoding="utf-8")
            rewrite(self._layout.settings, listening(text, wish.listen))

    def set_up(self, wish: Wish, *, start: bool) -> None:
        """Enable it, or not; start: it, too. What fails is told: sorting does not need it."""
        if wish.is_wanted is None:
            return
        if not wish.is_wanted:
            self._machine.run("systemctl", "disable", "--now", WEB)
            return
        try:
            listen = self._make_ready()
            self._machine.run("systemctl", "enable", WEB)
        except InstallError as exc:
            self._tell(f"The page is not set up: {exc}")
            return
        self._tell(f"The page listens on {listen}, from the machine's next start on.")
        if start:
            self._start()

    def start_again(self) -> None:
        """Have it go over to the version in use, where it runs."""
        if self._machine.is_up(WEB):
            self._start()

    def _start(self) -> None:
        began = time.time()
        if self._machine.becomes_ready(WEB, again=True):
            self._tell("The page runs.")
        else:
            why = self._machine.last_error_since(began, WEB_USER) or "the journal says why"
            self._tell(f"The page did not become ready: {why}")
            self._tell(f"Once that is corrected: systemctl restart {WEB}")

    def _make_ready(self) -> str:
        """Make a certificate where it needs one of its own; where it listens."""
        python = self._layout.current / "bin/python"
        plan = json.loads(self._machine.run(python, "-c", _ASKS, self._layout.settings))
        if plan["needs_certificate"]:
            said = self._machine.run(self._layout.command, "web", "certificate", by=WEB_USER)
            self._tell("\n".join(said.splitlines()))
        return str(plan["listen"])


def first_account(layout: Layout) -> str:
    """How the first person gets in."""
    return f"  runuser -u {WEB_USER} -- {layout.command.name} web user add NAME --role admin"


def listening(settings: str, listen: str) -> str:
    """These settings, with `listen` in their table `web`; all else as it is.

    Raises InstallError where the table is written in a way that this does not understand.
    """
    line = f'listen = "{listen}"'
    table = _TABLE.search(settings)
    if table is None:
        new = f"{settings.rstrip()}\n\n[web]\n{line}\n"
    else:
        end = _NEXT_TABLE.search(settings, table.end())
        inner = settings[table.end() : end.start() if end else None]
        new = (
            settings[: table.end()] + _with(inner, line) + (settings[end.start() :] if end else "")
        )
    _require_only_that(settings, new, listen)
    return new


def _with(table: str, line: str) -> str:
    """The rest of a table, with this line in place of the one that is set, or of its example."""
    for place in (_SET, _EXAMPLE):
        if place.search(table):
            return place.sub(line, table, count=1)
    return f"\n{line}{table}"


def _require_only_that(before: str, after: str, listen: str) -> None:
    try:
        wanted = tomllib.loads(before)
        wanted["web"] = {**wanted.get("web", {}), "listen": listen}
        if tomllib.loads(after) == wanted:
            return
    except (tomllib.TOMLDecodeError, TypeError) as exc:
        why = str(exc)
    else:
        why = "[web] is written in a way of its own"
    raise InstallError(
        f'the settings are left as they are ({why}); set it by hand: [web] listen = "{listen}"'
    )
