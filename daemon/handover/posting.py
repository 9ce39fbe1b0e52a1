"""Posts one call, by a process of its own: a server can hang where no time-out reaches."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from daemon.folders.child_processes import answered

SIGNATURE = "X-Nightsort-Signature"
ID = "X-Nightsort-Id"
# What another attempt with the same words may change.
_MAY_PASS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended."""

    status: int  # 0: nobody answered
    error: str  # empty where it was taken

    @property
    def is_about_this_call(self) -> bool:
        """Whether it was refused for what it says: others may be taken."""
        return 400 <= self.status < 500 and self.status not in _MAY_PASS


def signature(secret: str, body: bytes) -> str:
    """What the header says by which the other system knows that a call is ours, and whole."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(url: str, secret: str, key: str, text: str, seconds: float) -> Answer:
    """Call `url`, signed; never raises, and takes no longer than `seconds` and one more."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "nightsort",
        ID: key,
        SIGNATURE: signature(secret, text.encode()),
    }
    task = {"url": url, "headers": headers, "body": text, "seconds": seconds}
    answer, problem = answered("daemon.handover.posting", task, seconds)
    if problem:
        return Answer(0, problem)
    status, error = answer
    return Answer(int(status), str(error).replace(url, "the webhook"))


# --- in the process of its own -------------------------------------------------------------------


def main() -> None:
    """Send what stdin says, and say how it went."""
    task = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, task["seconds"] + 1.0)  # whose end is its default action
    status, error = _send(task)
    sys.stdout.write(json.dumps([status, error]))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Where to call is a setting, and nobody else's word."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Refuse."""


def _send(task: dict[str, Any]) -> tuple[int, str]:
    request = urllib.request.Request(  # noqa: S310 - http or https, checked before
        task["url"], task["body"].encode(), task["headers"], method="POST"
    )
    try:
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=task["seconds"] * 0.8) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as exc:
        return exc.code, f"it answered {exc.code} {exc.reason}".strip()
    except Exception as exc:  # noqa: BLE001 - whatever a server does wrong is told as its error
        reason = getattr(exc, "reason", None) or exc
        return 0, str(reason) or type(exc).__name__
