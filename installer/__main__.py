"""The installer's command line; `sh nightsort-VERSION.run` unpacks itself and calls it."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from installer.errors import InstallError
from installer.install import Answers, Installer
from installer.layout import SERVICE, TIMER, USER, WEB, Layout
from installer.machine import Machine
from installer.package import Package
from installer.page import (
    AS_IT_IS,
    Wish,
    asked,
    first_account,
    is_address,
    is_asked,
    wants_questions,
)
from installer.uninstall import Uninstaller
from installer.versions import Versions

HERE = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str] | None = None) -> int:
    """What was asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    layout, machine = Layout(), Machine()
    # A connection that breaks must not leave the service stopped half-way.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        machine.require_root()
        machine.require_systemd()
        with _alone(layout):
            if options.what == "uninstall":
                Uninstaller(layout, machine, _tell).uninstall(purge=options.purge)
            else:
                _install(layout, machine, options)
    except (InstallError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command again goes on\n")
        return 130
    return 0


def _install(layout: Layout, machine: Machine, options: argparse.Namespace) -> None:
    package = Package.read(HERE)
    package.require_fit(machine)
    before = Versions(layout, machine).current
    if options.what == "upgrade" and before is None:
        raise InstallError("there is nothing to upgrade; use: install")
    answers = _answers(options, is_new=before is None)
    page = _wish(options, is_new=before is None)
    installer = Installer(layout, machine, _tell)
    installer.install(package, start=options.start, page=page, answers=answers)
    is_up = machine.is_up(SERVICE)
    _tell(f"nightsort {package.version} is installed{', and runs' if is_up else ''}.")
    _tell(f"What the doctor (runuser -u {USER} -- nightsort doctor) says:\n")
    machine.show(layout.command, "doctor")
    _tell(_what_next(layout, is_new=before is None, is_up=is_up, page=page))


def _answers(options: argparse.Namespace, *, is_new: bool) -> Answers:
    """What the settings are to be written from, as the command line says, or whoever sits there."""
    if options.answers is not None:
        return Answers(options.answers.absolute())
    return Answers(are_asked_for=is_asked(is_new=is_new) and wants_questions(input, _tell))


def _wish(options: argparse.Namespace, *, is_new: bool) -> Wish:
    """What is wanted of the page, as the command line says, or whoever sits there."""
    if options.web is None and is_asked(is_new=is_new):
        return asked(input, _tell)
    return options.web or AS_IT_IS


def _what_next(layout: Layout, *, is_new: bool, is_up: bool, page: Wish) -> str:
    lines = ["", "Next:"]
    if is_new:
        lines.append(
            f"  editor {layout.settings}   # folders, window, alerts; then: nightsort unit --write"
        )
    if not is_up:
        units = [SERVICE, TIMER, *([WEB] if page.is_wanted else [])]
        lines.append(f"  systemctl start {' '.join(units)}")
    if page.is_wanted:
        lines.append(f"{first_account(layout)}   # who lets others in")
    elif is_new:
        lines.append(f"  systemctl enable --now {WEB}   # should people use the page")
    lines.append("  nightsort status             # how it is; or: systemctl status nightsort")
    lines.append(f"The way through: {layout.current}/share/nightsort/docs/install.md")
    return "\n".join(lines)


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """One installer at a time."""
    with (layout.root / "run/nightsort-install.lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise InstallError("another installer is at work; wait until it is done") from exc
        yield


def _tell(line: str) -> None:
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:  # nobody reads it any more, and the work goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _page_at(text: str) -> Wish:
    if not is_address(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address and port, such as 0.0.0.0:8484")
    return Wish(is_wanted=True, listen=text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sh nightsort-VERSION.run",
        description="Installs nightsort under /opt/nightsort, without the internet.",
        epilog="Without root: verify says whether the file is whole; extract FOLDER shows all that "
        "is in it.",
    )
    commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="install; over an older version: upgrade it")
    install.add_argument("--start", action="store_true", help="also start the service")
    install.add_argument(
        "--answers",
        type=Path,
        metavar="FILE",
        help="write the settings from FILE, a TOML file with the keys to set, and make the folders",
    )
    page = install.add_mutually_exclusive_group()
    page.add_argument(
        "--web",
        nargs="?",
        const=Wish(is_wanted=True),
        type=_page_at,
        metavar="ADDRESS:PORT",
        help="let the page run, too; where it listens, unless the settings say so already",
    )
    page.add_argument(
        "--no-web",
        dest="web",
        action="store_const",
        const=Wish(is_wanted=False),
        help="let the page not run; neither: keep it as it is, and ask when it is new here",
    )
    upgrade = commands.add_parser(
        "upgrade", help="replace an older version; back to it when the new one does not start"
    )
    upgrade.set_defaults(start=False, web=AS_IT_IS, answers=None)
    uninstall = commands.add_parser("uninstall", help="remove the program; photos and results stay")
    uninstall.add_argument(
        "--purge", action="store_true", help="remove settings and state too, never photos"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
