"""What reaches the disk in which order: names that are given, and what is flushed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on "flushed NAME" and "named NAME", as `os.fsync` and `Path.replace` are called."""
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flush(fd: int) -> None:
        order.append(f"flushed {Path(f'/proc/self/fd/{fd}').readlink().name}")
        fsync(fd)

    def name(self: Path, target: Path) -> Path:
        order.append(f"named {Path(target).name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(Path, "replace", name)
    return order
