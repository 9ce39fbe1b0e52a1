"""What was forgotten, as salted digests: enough to know it again, too little to say what it was.

One small file in the state folder, beside the database: where an older copy takes the database's
place, this stays. What the digests are of, `row_mark` and its like say.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from config.errors import RefusedError
from daemon.folders.os_errors import printable, trouble
from daemon.folders.writing import replacing

FILE = "forgotten.json"
_MODE = 0o640  # the page clears away its own pictures by it


class _Document(TypedDict):
    salt: str
    digests: list[str]


def row_mark(photo: int, first_seen_at: str, source: str) -> str:
    """A photo's row in the database, from its admission on."""
    return f"row\0{photo}\0{first_seen_at}\0{source}"


def result_mark(run: str, recorded_at: str, source: str) -> str:
    """A line of the results."""
    return f"result\0{run}\0{recorded_at}\0{source}"


def content_mark(sha256: str) -> str:
    """A photo's bytes."""
    return f"content\0{sha256}"


class Forgotten:
    """The list, as it is when it is first asked."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE

    @cached_property
    def _document(self) -> _Document:
        try:
            found = json.loads(self._path.read_text(encoding="ascii"))
            return {"salt": str(found["salt"]), "digests": [*map(str, found["digests"])]}
        except FileNotFoundError:
            return {"salt": secrets.token_hex(32), "digests": []}
        except OSError as exc:
            raise trouble(exc, str(self._path)) from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise RefusedError(
                f"{printable(str(self._path))}: is damaged; put it back from a backup of this "
                "machine, or remove it: what was forgotten is then not known again"
            ) from exc

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(self._document["digests"])

    def __len__(self) -> int:
        return len(self._digests)

    def knows(self, mark: str) -> bool:
        """Whether that was forgotten."""
        return self._digest(mark) in self._digests

    def add(self, marks: Iterable[str]) -> None:
        """Note what is forgotten, durably. Raises TransientError when the disk refuses."""
        new = {self._digest(mark) for mark in marks} - self._digests
        if not new:
            return
        document: _Document = {
            "salt": self._document["salt"],
            "digests": [*self._document["digests"], *sorted(new)],
        }
        with replacing(self._path) as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(json.dumps(document, indent=0).encode("ascii"))
        del self._document, self._digests

    def _digest(self, mark: str) -> str:
        salt = bytes.fromhex(self._document["salt"])
        return hmac.digest(salt, mark.encode("utf-8", "surrogateescape"), "sha256").hex()
