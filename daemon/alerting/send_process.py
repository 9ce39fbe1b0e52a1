"""The process that sends one alert to one target: reads it on stdin, answers with a line of JSON.

A process of its own, because a service can hang where no time-out reaches (a name server, a server
that answers byte by byte): this one can be killed. It takes Apprise's 60 MB along when it ends.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.alerting.tasks import LetterTask, Task
from daemon.folders.renaming import READ

if TYPE_CHECKING:
    from daemon.alerting.services import Letter

# Of the time for all of it: what servers may take, and what reading the files may take, which lie
# on a share that may hang.
_FOR_SERVERS, _FOR_FILES = 0.8, 0.2
_TELLING = ("Socket Exception: ", "Response Details:")


def main() -> None:
    """Send what stdin says, and say how it went; ends by itself soon after its time is over."""
    task: Task = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, task["seconds"] + 1.0)  # whose end is its default action
    # Only the answer goes to stdout, whatever a library prints.
    answer_to = os.dup(sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        if task["ca_file"] is not None:
            _trust(Path(task["ca_file"]))
        is_delivered, error = send(task)
    except Exception as exc:  # noqa: BLE001 - whatever a service does wrong, it is told as its error
        is_delivered, error = False, f"{type(exc).__name__}: {exc}"
    os.write(answer_to, json.dumps([is_delivered, error]).encode("ascii") + b"\n")
    os._exit(0)  # a thread that hangs in a file must not keep us


def send(task: Task) -> tuple[bool, str]:
    """Whether it was delivered, and the real error (also one that only some addressees had)."""
    from apprise import Apprise, NotifyFormat, NotifyType
    from apprise.attachment.memory import AttachMemory

    from daemon.alerting.services import UnusableTarget, media_type, service_of

    logging.getLogger("apprise").setLevel(logging.DEBUG)  # the reasons are said there
    files = contents(task["files"], task["most_bytes"], _FOR_FILES * task["seconds"])
    try:
        letter = _letter(task["letter"], files)
        service = service_of(task["target"], letter, _FOR_SERVERS * task["seconds"])
    except UnusableTarget as exc:
        return False, str(exc)
    if not task["is_sent"]:
        return True, ""
    sender = Apprise()
    sender.add(service)
    result = sender.notify(
        letter.text,
        title=letter.subject,
        notify_type=NotifyType(task["notify_type"]),
        body_format=NotifyFormat.TEXT,
        attach=[AttachMemory(data, name, media_type(name)) for name, data in files]
        if service.attachment_support
        else None,
        log_level=logging.DEBUG,
    )
    said = [(entry.level, entry.message) for entry in result.logs()]
    return bool(result), "; ".join(_reasons(said))


def _letter(told: LetterTask, files: list[tuple[str, bytes]]) -> Letter:
    from daemon.alerting.services import Letter

    return Letter(
        told["subject"],
        told["text"],
        told["html"],
        told["slack"],
        told["message_id"],
        told["thread_id"],
        datetime.fromisoformat(told["at"]),
        told["data"],
        files,
    )


def _trust(ca_file: Path) -> None:
    """Have OpenSSL, and requests, trust these authorities. Raises OSError if there are none."""
    ca_file.read_bytes()
    os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(ca_file)


def contents(paths: list[str], most_bytes: int, seconds: float) -> list[tuple[str, bytes]]:
    """Names and contents of those files that are there, not too large, and read in time."""
    found: list[tuple[str, bytes]] = []
    thread = threading.Thread(target=lambda: found.extend(_read(paths, most_bytes)), daemon=True)
    thread.start()
    thread.join(seconds)
    return list(found)


def _read(paths: list[str], most_bytes: int) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        try:
            # The results may lie on a share: a link there is not followed.
            with os.fdopen(os.open(path, READ), "rb") as file:
                status = os.fstat(file.fileno())
                if stat.S_ISREG(status.st_mode) and status.st_size <= most_bytes:
                    yield Path(path).name, file.read()
        except OSError:
            continue  # the message says where they are


def _reasons(said: list[tuple[str, str]]) -> Iterator[str]:
    """What explains a failure, of all that Apprise logged; details are there as debug messages."""
    for level, message in said:
        if level != "DEBUG":
            if level not in ("INFO", "TRACE"):
                yield message.rstrip(".")
        elif message.startswith(_TELLING):
            yield _inmost(message.partition(":")[2].strip())


def _inmost(text: str) -> str:
    """What requests wraps: `…Pool(host=…): … (Caused by NewConnectionError("…(host=…): why"))`."""
    _, is_caused, why = text.rpartition("(Caused by ")
    if is_caused:
        why = re.sub(r"^\w+\(", "", why).strip("\"'()")
    return re.sub(r"^(<[^>]*>|\w+\(host=[^)]*\))[:,]? ['\"]?", "", why)


if __name__ == "__main__":
    main()
