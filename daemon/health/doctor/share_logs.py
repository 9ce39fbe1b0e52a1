"""What the doctor says of the file server's log, which tells who dragged a photo."""

from __future__ import annotations

import os

from daemon.corrections.share_log import newest_files, read_all
from daemon.folders.os_errors import printable
from daemon.health.doctor.findings import Findings, advice, ok

_SUBJECT = "share log"


def of_share_log(pattern: str | None) -> Findings:
    """Whether it can be read, and tells of files that were moved. pattern: as the setting."""
    if pattern is None:
        return
    try:
        renames = [*read_all(newest_files(pattern))]
    except OSError as exc:
        why = f"{printable(exc.filename or pattern)}: {os.strerror(exc.errno or 0)}"
        remedy = (
            "give nightsort's user the right to read it, or correct [corrections] share_log; until "
            "then it was somebody on the share"
        )
        yield advice(_SUBJECT, why, remedy)
        return
    if renames:
        yield ok(_SUBJECT, f"{printable(pattern)} tells who moved files on the share")
    else:
        remedy = "move a file on the share once; if it stays so, see docs/install.md"
        yield advice(_SUBJECT, f"{printable(pattern)} tells of no file that was moved", remedy)
