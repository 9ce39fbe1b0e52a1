"""Learnt versions in `state_dir/models`: which there are, which judges, and the way back.

Each is one file, `<name>.npz`. `in-use.json` names those adopted, one after the other; the last
judges, and none means the model as it comes with nightsort. It is replaced whole, so that there is
always exactly one in use.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from classifier.bundle import Bundle
from classifier.classifier import Classifier
from classifier.verdict import RUNNERS_UP
from classifier.version import Version, load_version
from config.errors import ModelError, NightsortError, RefusedError
from config.sections import BandSettings
from daemon.domain.status_words import NO_PROBLEM, Problem, problem
from daemon.folders.locks import no_look_at, prepare
from daemon.folders.os_errors import trouble
from daemon.folders.writing import replacing

FOLDER, IN_USE, SUFFIX = "models", "in-use.json", ".npz"
SHIPPED = "shipped"  # how people name the model without a learnt version
_LOCK = ".lock"
_LONGEST_HISTORY = 100


class NoVersion(NightsortError):
    """There is no version of that name, or none to go back to."""


class Versions:
    """The versions of one state folder."""

    def __init__(self, state_dir: Path) -> None:
        """Nothing is made before something is written."""
        self._state_dir = state_dir
        self.folder = state_dir / FOLDER

    def names(self) -> list[str]:
        """Of all versions there are, oldest first."""
        try:
            files = [one for one in self.folder.iterdir() if one.suffix == SUFFIX]
        except FileNotFoundError:
            return []
        except PermissionError as exc:
            raise no_look_at(self._state_dir) from exc
        return sorted((one.stem for one in files if not one.name.startswith(".")), key=_age)

    def file(self, name: str) -> Path:
        """Where it lies. Raises NoVersion."""
        if name not in self.names():
            raise NoVersion(f"there is no version {name}; `nightsort models list` shows them")
        return self.folder / f"{name}{SUFFIX}"

    def in_use(self) -> str:
        """The name of the one that judges, or SHIPPED. Raises ModelError."""
        return self._history()[-1]

    def before(self) -> str | None:
        """The one before it. Raises ModelError."""
        return ([None, *self._history()])[-2]

    def file_in_use(self) -> Path | None:
        """Where the one that judges lies; None: as the bundle came. Raises ModelError."""
        name = self.in_use()
        return None if name == SHIPPED else self.folder / f"{name}{SUFFIX}"

    def files_before(self) -> list[Path | None]:
        """Of those that judged before the one in use, the last first, each once; None: as it came.

        None at all where it is not known which was in use.
        """
        try:
            *earlier, now = self._history()
        except (ModelError, RefusedError):
            return []
        names = [name for name in dict.fromkeys(reversed(earlier)) if name != now]
        return [None if name == SHIPPED else self.folder / f"{name}{SUFFIX}" for name in names]

    def adopt(self, name: str) -> None:
        """From now on this one judges. Raises NoVersion; to be called within `held`.

        Where it is not known which did so far, that begins anew.
        """
        if name != SHIPPED:
            self.file(name)
        try:
            history = self._history()
        except ModelError:
            history = [SHIPPED]
            self._write(history)
        if history[-1] != name:
            self._write([*history, name][-_LONGEST_HISTORY:])

    def back(self) -> str:
        """From now on the one before judges again; returns its name. As `adopt`."""
        *earlier, _ = self._history()
        if not earlier:
            raise NoVersion("there is no version to go back to: none was adopted")
        if earlier[-1] != SHIPPED:
            self.file(earlier[-1])
        self._write(earlier)
        return earlier[-1]

    def adopted(self) -> list[str]:
        """All that were adopted, one after the other; empty: none ever was. Raises ModelError."""
        return self._history() if (self.folder / IN_USE).exists() else []

    def bring_back(self, files: Mapping[str, bytes], adopted: Sequence[str]) -> None:
        """Put files in place that a backup has. Raises TransientError when the disk refuses."""
        prepare(self._state_dir)
        try:
            self.folder.mkdir(mode=0o750, exist_ok=True)
        except OSError as exc:
            raise trouble(exc, str(self.folder)) from exc
        for name, content in files.items():
            if _is_name(name):
                path = self.folder / f"{name}{SUFFIX}"
                with replacing(path) as file:
                    file.write(content)
        if adopted and all(map(_is_name, adopted)):
            self._write([*adopted])

    def new_name(self, now: datetime) -> str:
        """A name that no version has had on this day."""
        taken = [*self.names(), *self._history()]
        day = f"{now:%Y-%m-%d}"
        numbers = [_age(name)[1] for name in taken if name.startswith(f"{day}.")]
        return f"{day}.{max(numbers, default=0) + 1}"

    def add(self, version: Version, keep: int) -> list[str]:
        """Keep one more, and no more than `keep`; returns the names of those that went.

        Raises TransientError when the disk refuses.
        """
        path = self.folder / f"{version.card.name}{SUFFIX}"
        try:
            version.save(path)
            path.chmod(0o640)  # the group may look, as into the rest of the folder
        except OSError as exc:
            raise trouble(exc, str(path)) from exc
        spared = {self.in_use(), self.before(), version.card.name}
        names = self.names()
        gone = [name for name in names[: max(0, len(names) - keep)] if name not in spared]
        for name in gone:
            (self.folder / f"{name}{SUFFIX}").unlink(missing_ok=True)
        if gone:
            self._write([name for name in self._history() if name not in gone])
        return gone

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who learns or adopts. Raises RefusedError."""
        prepare(self._state_dir)
        try:
            self.folder.mkdir(mode=0o750, exist_ok=True)
            lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as exc:
            raise trouble(exc, str(self.folder)) from exc
        try:
            _take(lock)
            yield
        finally:
            os.close(lock)

    def _history(self) -> list[str]:
        path = self.folder / IN_USE
        try:
            history = json.loads(path.read_text("utf-8"))["history"]
        except FileNotFoundError:
            return [SHIPPED]
        except PermissionError as exc:
            raise no_look_at(self._state_dir) from exc
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise _damaged(path) from exc
        if not isinstance(history, list) or not history or not all(map(_is_name, history)):
            raise _damaged(path)
        return history

    def _write(self, history: list[str]) -> None:
        with replacing(self.folder / IN_USE) as file:
            file.write(json.dumps({"history": history}, ensure_ascii=False).encode())


class Choice(Protocol):
    """The settings that say what judges; a `config.settings.Settings` does."""

    @property
    def state_dir(self) -> Path:
        """Where versions lie."""

    @property
    def model_dir(self) -> Path | None:
        """Where the bundle lies; None: the one that ships."""

    @property
    def bands(self) -> BandSettings:
        """What bands people want."""


def load_classifier(settings: Choice, runners_up: int = RUNNERS_UP) -> Classifier:
    """The model with the version in use. Raises ModelError when one cannot be trusted."""
    return try_out(settings, Versions(settings.state_dir).file_in_use(), runners_up)


def load_instead(settings: Choice, runners_up: int = RUNNERS_UP) -> Classifier:
    """What judges while the version in use cannot be trusted.

    That is the one adopted before it that can be, else the model as it comes. Raises ModelError
    when that cannot be trusted either.
    """
    for path in Versions(settings.state_dir).files_before():
        with suppress(ModelError):
            return try_out(settings, path, runners_up)
    return try_out(settings, None, runners_up)


def version_usable(settings: Choice, bundle: Bundle) -> Version | None:
    """As `load_usable` without the network: the version alone, not tried out; None: as it came."""
    versions = Versions(settings.state_dir)
    candidates = versions.files_before()
    with suppress(ModelError, RefusedError):
        candidates = [versions.file_in_use(), *candidates]
    for path in candidates:
        with suppress(ModelError):
            return None if path is None else load_version(path, bundle)
    return None


def untrusted(settings: Choice, bundle: Bundle) -> dict[str, str]:
    """The versions that cannot judge over this bundle, and why; adopted ones that are gone, too."""
    versions, found = Versions(settings.state_dir), {}
    with suppress(RefusedError):
        try:
            adopted = versions.adopted()
        except ModelError as exc:
            adopted, found[IN_USE] = [], str(exc)
        for name in dict.fromkeys([*versions.names(), *adopted]):
            if name != SHIPPED:
                try:
                    load_version(versions.folder / f"{name}{SUFFIX}", bundle)
                except ModelError as exc:
                    found[name] = str(exc)
    return found


def load_usable(settings: Choice) -> tuple[Classifier, Problem]:
    """What the daemon would judge with, and why that is not the version in use ("" where it is).

    Raises ModelError when nothing can be trusted.
    """
    try:
        return load_classifier(settings), NO_PROBLEM
    except ModelError as exc:
        found = load_instead(settings)
        return found, problem("other_model", model=found.title, problem=exc)


def try_out(settings: Choice, version: Path | None, runners_up: int = RUNNERS_UP) -> Classifier:
    """The model with a version, if any, tried out. Raises ModelError."""
    bands = settings.bands
    return Classifier.load(
        settings.model_dir,
        version=version,
        auto=bands.auto,
        review=bands.review,
        runners_up=runners_up,
    )


def _take(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise RefusedError("another lesson is being learnt; ask again when it is done") from exc


def _age(name: str) -> tuple[str, int, str]:
    """By what versions are put in order: their day, and its tenth after its ninth."""
    day, _, number = name.partition(".")
    return day, int(number) if number.isdecimal() else 0, name


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name) and "/" not in name and not name.startswith(".")


def _damaged(path: Path) -> ModelError:
    return ModelError(
        f"{path}: does not say which version is in use; name one: `nightsort models adopt shipped`"
    )
