"""What each user does: sends the next photo as soon as the one before is judged.

Run by Locust, in an environment without nightsort: photos and key come by the environment.
"""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import gevent
from locust import HttpUser, task

_PHOTOS = [photo.read_bytes() for photo in sorted(Path(os.environ["PHOTOS"]).glob("*.jpg"))]
_NUMBERS = itertools.count()
_KEY = {"X-API-Key": os.environ["KEY"]}
_SHED = (429, 503)


class Program(HttpUser):
    """Somebody who asks without a pause, and comes again when told to."""

    @task
    def predict(self) -> None:
        """One photo, of bytes that nobody has sent before."""
        data = random.choice(_PHOTOS)
        text = f"{os.getpid()} {next(_NUMBERS)}".encode()
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
        files = {"file": ("photo.jpg", data[:2] + comment + data[2:])}
        with self.client.post("/predict", files=files, headers=_KEY, catch_response=True) as answer:
            if answer.status_code in _SHED:
                answer.failure(f"shed: {answer.status_code}")
                gevent.sleep(float(answer.headers["Retry-After"]))
