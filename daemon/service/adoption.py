"""Adoption: another version judges from now on; where that cannot be, all stays as it was."""

from __future__ import annotations

import structlog

from config.errors import ModelError, RefusedError
from config.settings import Settings
from daemon.domain.lessons import LearningCode, VersionAnswer
from daemon.domain.orders import Adopt, GoBack, ModelAnswer
from daemon.sorting.model_slot import ModelSlot
from daemon.sorting.version_copies import copy_versions
from daemon.sorting.versions import SHIPPED, NoVersion, Versions, try_out
from daemon.store import Store

log = structlog.get_logger()


class Adoption:
    """Changes the version in use of a daemon at work. For one thread."""

    def __init__(self, slot: ModelSlot, store: Store, settings: Settings) -> None:
        self._slot = slot
        self._store = store
        self._settings = settings

    def take(self, settings: Settings) -> None:
        """From now on these settings hold."""
        self._settings = settings

    def carry_out(self, order: Adopt | GoBack, person: str) -> VersionAnswer:
        """Do what somebody asks for; never raises for a version that will not do."""
        versions = Versions(self._settings.state_dir)
        try:
            name = order.version if isinstance(order, Adopt) else _before(versions)
            self.adopt(name, person, is_back=isinstance(order, GoBack))
        except NoVersion as exc:
            return self._left(LearningCode.NOT_FOUND, exc)
        except ModelError as exc:
            return self._left(LearningCode.UNTRUSTED, exc)
        except RefusedError as exc:
            return self._left(LearningCode.UNDER_WAY, exc)
        return VersionAnswer(name)

    def changed(self, person: str) -> ModelAnswer:
        """Take what somebody has adopted already, by a command."""
        problem = self._slot.change()
        copy_versions(self._store, Versions(self._settings.state_dir), person)
        return ModelAnswer(problem)

    def adopt(self, name: str, person: str, *, is_back: bool = False) -> None:
        """Judge with it from now on. is_back: it judged before, and the one since is forgotten.

        Raises NoVersion, ModelError where it cannot be trusted, RefusedError during a lesson.
        """
        versions = Versions(self._settings.state_dir)
        with versions.held():
            was = _in_use(versions)
            try_out(self._settings, None if name == SHIPPED else versions.file(name))
            if is_back:
                versions.back()
            else:
                versions.adopt(name)
            if problem := self._slot.change():
                _return(versions, was, name, is_back=is_back)
                self._slot.change()
                raise ModelError(problem)
        copy_versions(self._store, versions, person)
        log.info("version_adopted", version=name, before=was, person=person)

    def _left(self, code: LearningCode, why: Exception) -> VersionAnswer:
        return VersionAnswer(_in_use(Versions(self._settings.state_dir)), code, str(why))


def _before(versions: Versions) -> str:
    name = versions.before()
    if name is None:
        raise NoVersion("there is no version to go back to: none was adopted")
    return name


def _return(versions: Versions, was: str, name: str, *, is_back: bool) -> None:
    """As it was before `name` was tried, as far as that is known."""
    if is_back:
        versions.adopt(was)
    elif was not in ("", name):
        versions.back()


def _in_use(versions: Versions) -> str:
    """Its name; empty where it is not known any more, as after damage to the file that says it."""
    try:
        return versions.in_use()
    except ModelError:
        return ""
