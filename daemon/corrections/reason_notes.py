"""Notes beside photos that are to be taken again, or could not be read: written, and taken away."""

from __future__ import annotations

from contextlib import suppress

import structlog

from config.errors import TransientError
from daemon.domain.corrections import Correction, Word
from daemon.folders.contents import drop
from daemon.folders.names import RETAKE, with_suffix
from daemon.folders.renaming import Entry
from daemon.folders.tree import Tree, split
from daemon.sorting.filer import REASON_SUFFIX, Filer

log = structlog.get_logger()


def keep_reasons(one: Correction, filer: Filer, tree: Tree) -> None:
    """A photo to be taken again gets its reason; one that leaves such a place loses it.

    The word is carried out by then, whatever becomes of the note.
    """
    if one.word is Word.RETAKE:
        day = filer.say.when("plain_day", one.at)
        why = filer.say("reasons.retake_note", person=one.person, day=day)
        try:
            filer.write_reason(one.move.target, f"{Word.RETAKE}: {why}\n")
        except TransientError as exc:
            log.warning("reason_not_written", photo=one.photo_id, why=str(exc))
    folder, name = split(one.move.source)
    if folder == RETAKE or (one.word is Word.UNDONE and not one.before):
        with suppress(OSError), tree.folder(folder) as fd:
            drop(Entry(fd, with_suffix(name, REASON_SUFFIX)))
