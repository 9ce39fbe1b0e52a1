"""The command `setup`: the settings file, by asking a person, or from a file of answers.

Like `daemon.cli.main`, which names it, it parses, calls and prints.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.errors import ConfigError, NightsortError, RefusedError
from config.readable import plain
from daemon.cli.common import EXIT_FAILED, EXIT_WRONG_USE, any_path, json_option, print_json
from daemon.cli.ending import fail, fail_unexpectedly

if TYPE_CHECKING:
    from config.settings import Settings
    from daemon.health.doctor.findings import Finding

_USER = "nightsort"
_MODE = 0o640  # a password may stand in it
_FOLDER_MODE = 0o2770


@click.command()
@click.option("--answers", type=any_path, metavar="FILE", help="Take settings from FILE; ask none.")
@click.option("--make-folders", is_flag=True, help="Make folders that are missing; ask not.")
@json_option
@click.pass_obj
def setup(
    config_file: Path | None, answers: Path | None, make_folders: bool, as_json: bool
) -> None:
    """Write the settings file by asking for what matters: folders, times, mail, places, wage.

    Each question says what it is about and is asked again where the answer will not do. Settings
    that are there already are offered, and those that are not asked for kept; the file before is
    kept beside the new one. In the end everything is tried, as `nightsort doctor` does; exit 1 if
    something is wrong then, 2 if nothing was written. Without a terminal, --answers names a TOML
    file with the keys to set.

    \b
    Example:
      nightsort setup
      nightsort --config nightsort.toml setup --answers answers.toml --make-folders
    """  # noqa: D301
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        done = _set_up(config_file, answers, make_folders=make_folders)
    if as_json:
        print_json(done.as_json())
    if any(finding.level == "wrong" for finding in done.findings):
        sys.exit(EXIT_FAILED)


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of the settings file."""

    path: Path
    is_written: bool
    kept: Path | None = None  # the one before
    findings: Sequence[Finding] = ()  # what the doctor says of it

    def as_json(self) -> dict[str, object]:
        """As `--json` has it."""
        return {
            "settings": str(self.path),
            "written": self.is_written,
            "kept": None if self.kept is None else str(self.kept),
            "findings": [asdict(finding) for finding in self.findings],
        }


def _set_up(config_file: Path | None, answers: Path | None, *, make_folders: bool) -> _Done:
    with _nothing_written():
        path = _place(config_file)
        text = _text(path, answers)
        if answers is None and not click.confirm(f"Write {plain(str(path))}", default=True):
            click.echo("Nothing was changed.")
            return _Done(path, is_written=False)
        is_new = not path.exists() or path.read_bytes() != text.encode()
        kept = _write(path, text) if is_new else None
    beside = f"; the one before is {plain(kept.name)}" if kept else ""
    said = f"Written: {plain(str(path))}{beside}."
    click.echo(said if is_new else f"{plain(str(path))} says so already.")
    findings = _try(path, asking=answers is None, make_folders=make_folders)
    return _Done(path, is_new, kept, findings)


@contextmanager
def _nothing_written() -> Iterator[None]:
    """Whatever fails in the `with` block, the settings are as they were: exit 2."""
    try:
        yield
    except (click.ClickException, click.Abort):
        raise
    except NightsortError as exc:
        fail(str(exc), EXIT_WRONG_USE)
    except Exception as exc:  # noqa: BLE001 - as in `daemon.cli.main`
        fail_unexpectedly(exc, EXIT_WRONG_USE)


def _text(path: Path, answers: Path | None) -> str:
    """What the file is to hold, by the answers of a person or of a file."""
    from config.answers import as_file, merged, read_values

    present = read_values(path) if path.exists() else {}
    if answers is not None:
        return as_file(merged(present, read_values(answers)))
    if sys.stdin.isatty() and sys.stdout.isatty():
        return as_file(_asked(path, present))
    raise click.UsageError("there is no terminal to ask on; give --answers FILE")


def _place(config_file: Path | None) -> Path:
    """The file that is to be written; raises RefusedError where that cannot be."""
    from config.place import DEFAULT_FILE, settings_file

    path = (settings_file(config_file) or DEFAULT_FILE).absolute().resolve()
    # Path's own raises where a folder may not be entered.
    there = next(folder for folder in path.parents if os.path.isdir(folder))  # noqa: PTH112
    if not os.access(there, os.W_OK):
        raise RefusedError(f"{there}: may not be written to; call it as root, or give --config")
    return path


def _asked(path: Path, present: dict[str, Any]) -> dict[str, Any]:
    from classifier.bundle import load_bundle
    from config.settings import FOLDER_KEYS, refusals
    from daemon.cli.questions import ask_all

    missing = {key for key in FOLDER_KEYS if key not in present}  # they are asked for
    if problems := [words for key, words in refusals(present) if key not in missing]:
        raise ConfigError("\n".join(f"{path}: {words}" for words in problems))
    click.echo(f"Settings for {plain(str(path))}. Ctrl-C leaves everything as it is.")
    named = present.get("model_dir")
    model = None if named is None else path.parent / str(named)
    return ask_all(present, _Terminal(), load_bundle(model).card.categories)


class _Terminal:
    """Asks whoever sits there."""

    def say(self, text: str) -> None:
        """Tell something."""
        for line in click.wrap_text(plain(text), 78).splitlines() or [""]:
            click.echo(line)

    def ask(self, question: str, default: str) -> str:
        """An answer; the default for an empty one."""
        return str(click.prompt(question, default=default, show_default=bool(default)))

    def confirm(self, question: str, *, default: bool) -> bool:
        """Yes or no."""
        return click.confirm(question, default=default)


# --- writing -------------------------------------------------------------------------------------


def _write(path: Path, text: str) -> Path | None:
    """Write the file in place of any other, which is kept beside it; returns that one."""
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = _keep(path)
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        _belongs_like(partial, kept)
        partial.replace(path)
    except OSError as exc:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written ({exc.strerror}); see to it") from exc
    return kept


def _keep(path: Path) -> Path | None:
    """Copy the file to a name that is free beside it; None where there is none."""
    if not path.exists():
        return None
    name = f"{path.name}.{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    kept = next(k for n in range(1000) if not (k := path.with_name(_numbered(name, n))).exists())
    with (
        path.open("rb") as old,
        os.fdopen(os.open(kept, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new,
    ):
        shutil.copyfileobj(old, new)
        os.fsync(new.fileno())
    _belongs_like(kept, path)
    return kept


def _numbered(name: str, number: int) -> str:
    return f"{name}.bak" if not number else f"{name}_{number}.bak"


def _belongs_like(path: Path, other: Path | None) -> None:
    """Give a file the owner and mode of another; without one, let the service read it."""
    if other is not None:
        seen = other.stat()
        if os.geteuid() == 0:
            os.chown(path, seen.st_uid, seen.st_gid)
        path.chmod(seen.st_mode & 0o777)
    elif os.geteuid() == 0:
        with suppress(KeyError):  # nightsort is not installed here
            os.chown(path, 0, grp.getgrnam(_USER).gr_gid)


# --- trying --------------------------------------------------------------------------------------


def _try(path: Path, *, asking: bool, make_folders: bool) -> list[Finding]:
    """Make the folders that are missing, and let the doctor look."""
    from config.logs import configure
    from config.settings import FOLDER_KEYS, load
    from daemon.domain.clock import SystemClock
    from daemon.health.doctor.checks import examine
    from daemon.health.doctor.findings import Level, in_words

    try:
        settings = load(path)
    except ConfigError as exc:  # what the environment says beside the file
        raise RefusedError(str(exc)) from exc
    folders = [getattr(settings, key) for key in FOLDER_KEYS]
    missing = [folder for folder in folders if not os.path.exists(folder)]  # noqa: PTH110
    if missing and (make_folders or (asking and _wants(missing))):
        for folder in missing:
            _make(folder)
    configure(service=False)
    click.echo("Trying it: folders, model, targets ...", err=True)
    findings = [*examine(settings, SystemClock.of(settings))]
    for finding in findings:
        if finding.level is not Level.OK:
            click.echo(in_words(finding))
    click.echo(_next(settings))
    return findings


def _wants(missing: Iterable[Path]) -> bool:
    for folder in missing:
        click.echo(f"{plain(str(folder))} is not there yet.")
    return click.confirm("Make what is missing", default=True)


def _make(folder: Path) -> None:
    """Make a folder; as root one that the service's user owns."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            with suppress(KeyError):  # nightsort is not installed here
                user = pwd.getpwnam(_USER)
                os.chown(folder, user.pw_uid, user.pw_gid)
                folder.chmod(_FOLDER_MODE)
    except OSError as exc:
        raise RefusedError(f"{folder}: cannot be made ({exc.strerror}); make it by hand") from exc


def _next(settings: Settings) -> str:
    mail = "; nightsort alerts test sends a message" if settings.alerts.targets else ""
    return (
        "Next, where it is a service: nightsort unit --write; systemctl daemon-reload; "
        f"systemctl restart nightsort{mail}."
    )
