"""Tells the daemon what its audit chain is to know of the page: sign-ins, and who may use it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from config.errors import FolderUnavailable
from daemon.domain.corrections import Via
from daemon.domain.orders import NotePageActs, Speaker
from daemon.domain.page_acts import Doing, PageAct
from daemon.service.control_client import NoAnswer, give_order

__all__ = ["Doing", "PageAct", "tell_acts"]


def tell_acts(state_dir: Path, page: str, acts: Sequence[PageAct]) -> int:
    """Have the daemon know of them; up to which number it does.

    Raises FolderUnavailable while it does not run: they wait.
    """
    try:
        order = NotePageActs(page, tuple(acts))
        return give_order(state_dir, order, Speaker("the page", Via.PAGE)).known
    except NoAnswer as exc:
        raise FolderUnavailable(f"sign-ins and accounts wait for the audit chain: {exc}") from exc
