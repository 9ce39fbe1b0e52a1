"""What was forgotten, as salted digests: enough to know it again, too little to say what it was.

One small file in the state folder, beside the database: where an older copy takes the database's
place, this stays, and a lost box takes in what lies in the bucket. What the digests are of,
`row_mark` and its like say.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

from config.errors import RefusedError
from daemon.folders.os_errors import printable, trouble
from daemon.folders.writing import replacing

FILE = "forgotten.json"
_MODE = 0o640  # the page clears away its own pictures by it
_one_writer = threading.Lock()  # who forgets, and who copies to the bucket


class _List(TypedDict):
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
    """The list, as it is when it is first asked; with others that it took in, of other salts."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE

    @cached_property
    def _lists(self) -> list[_List]:
        """The own one first."""
        try:
            return _read(self._path.read_bytes())
        except FileNotFoundError:
            return [{"salt": secrets.token_hex(32), "digests": []}]
        except OSError as exc:
            raise trouble(exc, str(self._path)) from exc
        except ValueError as exc:
            raise RefusedError(
                f"{printable(str(self._path))}: is damaged; put it back from a backup of this "
                "machine, or remove it: what was forgotten is then not known again"
            ) from exc

    @cached_property
    def _digests(self) -> dict[str, frozenset[str]]:
        """By salt."""
        return {one["salt"]: frozenset(one["digests"]) for one in self._lists}

    def __len__(self) -> int:
        return sum(map(len, self._digests.values()))

    def require(self) -> None:
        """Read it anew. Raises RefusedError where it is damaged, TransientError as `add`."""
        self._drop_read()
        _ = self._lists

    def knows(self, mark: str) -> bool:
        """Whether that was forgotten."""
        return any(_digest(salt, mark) in known for salt, known in self._digests.items())

    def add(self, marks: Iterable[str]) -> None:
        """Note what is forgotten, durably. Raises TransientError when the disk refuses."""
        salt = self._lists[0]["salt"]
        self._keep([{"salt": salt, "digests": [_digest(salt, mark) for mark in marks]}])

    def size_with(self, content: bytes) -> int:
        """How many digests there are with those of such a file, too. Raises as `take_in`."""
        known = {**self._digests}
        for told in _read(content):
            known[told["salt"]] = known.get(told["salt"], frozenset()).union(told["digests"])
        return sum(map(len, known.values()))

    def take_in(self, content: bytes) -> None:
        """Note what such a file of elsewhere tells, too. Raises ValueError where it is none."""
        self._keep(_read(content))

    def _keep(self, more: list[_List]) -> None:
        with _one_writer:
            self._drop_read()  # another may have written since
            self._add_all(more)

    def _add_all(self, more: list[_List]) -> None:
        lists = {one["salt"]: one for one in self._lists if one["digests"]}
        is_new = False
        for salt, digests in ((one["salt"], one["digests"]) for one in more):
            known = lists[salt]["digests"] if salt in lists else []
            if new := sorted({*digests} - {*known}):
                lists[salt], is_new = {"salt": salt, "digests": [*known, *new]}, True
        if is_new:
            self._write([*lists.values()])

    def _write(self, lists: list[_List]) -> None:
        own, *others = lists
        document = {**own, **({"others": others} if others else {})}
        with replacing(self._path) as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(json.dumps(document, indent=0).encode("ascii"))
        self._drop_read()

    def _drop_read(self) -> None:
        for name in ("_lists", "_digests"):
            self.__dict__.pop(name, None)


def _read(content: bytes) -> list[_List]:
    """Raises ValueError where that is no such file."""
    try:
        found = json.loads(content)
        return [_list_of(one) for one in (found, *found.get("others", ()))]
    except (KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(str(exc)) from exc


def _list_of(found: Any) -> _List:
    salt = str(found["salt"])
    bytes.fromhex(salt)  # raises ValueError
    return {"salt": salt, "digests": [*map(str, found["digests"])]}


def _digest(salt: str, mark: str) -> str:
    key, message = bytes.fromhex(salt), mark.encode("utf-8", "surrogateescape")
    return hmac.digest(key, message, "sha256").hex()
