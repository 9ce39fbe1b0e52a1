"""The photos of an archive, one after the other: of ten million, few are ever in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from config.errors import NamedWrongly
from config.readable import plain

Named = Callable[[str], bool]


class NoArchive(NamedWrongly):
    """What was named is no archive that can be read."""


def check_they_are_there(paths: Iterable[str]) -> None:
    """Raise NoArchive for the first path at which there is nothing."""
    for path in paths:
        if not os.path.lexists(path):
            raise NoArchive(f"{plain(path)}: no such file or folder; check the path")


def photos_under(paths: Iterable[str], *, is_photo: Named, is_junk: Named) -> Iterator[str]:
    """The named files, and all photos in the named folders and those within, as they were named.

    is_photo: of a file's name in a folder; is_junk: of a folder's. Folders behind links are not
    entered. Raises NoArchive where something cannot be looked into.
    """
    for path in paths:
        check_they_are_there([path])
        if os.path.isdir(path):  # noqa: PTH112 - ten million Path objects would take their time
            yield from _within(path, is_photo, is_junk)
        else:
            yield path


def _within(top: str, is_photo: Named, is_junk: Named) -> Iterator[str]:
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        folders = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if not is_junk(entry.name):
                            folders.append(entry.path)
                    elif is_photo(entry.name) and entry.is_file():
                        yield entry.path
        except OSError as exc:
            why = exc.strerror
            raise NoArchive(
                f"{plain(folder)}: cannot be looked into ({why}); check the path and its rights"
            ) from exc
        waiting += sorted(folders, reverse=True)
