"""Under which name a folder is there: people rename in case only, and macOS decomposes names.

Windows shows `Shirts` and `SHIRTS` as one name twice: what is filed goes into the one that is
there.
"""

from __future__ import annotations

import os

from daemon.folders.names import compare_key
from daemon.folders.os_errors import trouble
from daemon.folders.tree import ABSENT, Tree, join


def as_called(tree: Tree, folder: str) -> str:
    """The path of `folder` as its parts are called there now; what is not there stays as it is.

    A folder of exactly that name comes before its twins. Raises TransientError when the tree does
    not answer.
    """
    found = ""
    for part in filter(None, folder.split("/")):
        found = join(
            found, part if _is_folder(tree, join(found, part)) else _twin(tree, found, part)
        )
    return found


def _is_folder(tree: Tree, folder: str) -> bool:
    try:
        with tree.folder(folder):
            return True
    except OSError as exc:
        if exc.errno in ABSENT:
            return False
        raise trouble(exc, tree.full(folder)) from exc


def _twin(tree: Tree, parent: str, name: str) -> str:
    """The folder in `parent` that some client takes for one called `name`; else `name`."""
    wanted = compare_key(name)
    try:
        with tree.folder(parent) as fd, os.scandir(fd) as entries:
            twins = (
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and compare_key(entry.name) == wanted
            )
            return min(twins, default=name)
    except OSError as exc:
        if exc.errno in ABSENT:
            return name
        raise trouble(exc, tree.full(parent)) from exc
