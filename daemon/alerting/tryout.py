"""Trying out the targets: each is sent a test alert now, and the real error is brought back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from config.settings import Settings
from daemon.alerting.alert import Alert
from daemon.alerting.targets import targets_of

_DEADLINE_SECONDS = 20.0


def try_out(settings: Settings, now: datetime) -> dict[str, Any]:
    """How it went: `{"targets": [{"name", "delivered", "error"}]}`, in the order of the settings.

    All at the same time, and each whatever it wants to hear. Delivered with an error: some of its
    addressees were refused.
    """
    test = Alert(f"test.{now:%Y%m%d%H%M%S%f}", "test", "info", "told", 1, now, {})
    targets = targets_of(settings)
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        outcomes = pool.map(lambda target: target.deliver(test, _DEADLINE_SECONDS), targets)
        tried = zip(targets, outcomes, strict=True)
        return {
            "targets": [
                {"name": target.name, "delivered": outcome.is_delivered, "error": outcome.error}
                for target, outcome in tried
            ]
        }
