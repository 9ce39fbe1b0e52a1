"""What every process of ours needs of the machine."""

from __future__ import annotations

from importlib.metadata import version

from daemon.folders.forgotten import Forgotten, content_mark
from daemon.folders.locks import user_name
from daemon.folders.machine import usable_cores
from daemon.folders.picture_folder import PictureFolder
from daemon.health.systemd import Notifier
from daemon.store import keep_log, whole

__all__ = [
    "Forgotten",
    "Notifier",
    "PictureFolder",
    "content_mark",
    "keep_log",
    "our_version",
    "usable_cores",
    "user_name",
    "whole",
]


def our_version() -> str:
    """The version of nightsort."""
    return version("nightsort")
