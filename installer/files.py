"""Files and links that the machine sees whole, or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from installer.errors import InstallError


def copy(source: Path, target: Path, mode: int = 0o644) -> None:
    """Put a copy of `source` at `target`, replacing what is there in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, fresh)
    fresh.chmod(mode)
    fresh.replace(target)


def rewrite(file: Path, text: str) -> None:
    """Put other text into a file that stays whose it is, in one step."""
    before = file.stat()
    fresh = file.with_name(f".{file.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    os.chown(fresh, before.st_uid, before.st_gid)
    fresh.chmod(before.st_mode & 0o7777)
    fresh.replace(file)


def point(link: Path, target: Path) -> None:
    """Make `link` lead to `target`, replacing a link, and nothing else, in one step."""
    if link.exists() and not link.is_symlink():
        raise InstallError(f"{link} is not nightsort's; move it away, then try again")
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
