"""A shop whose files are copied to a bucket, step by step."""

from __future__ import annotations

from typing import Any

from config.settings import Settings
from daemon.mirror.bucket.client import connect
from daemon.mirror.bucket.copier import Copier
from daemon.mirror.bucket.thread import copier_of
from tests.support.core import Core


def settings_of(shop: Core, mirror: dict[str, Any], **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "incoming_dir": shop.incoming,
            "sorted_dir": shop.sorted,
            "results_dir": shop.results,
            "state_dir": shop.state,
            "mirror": mirror,
            **more,
        }
    )


def copier(shop: Core, mirror: dict[str, Any], **more: Any) -> Copier:
    settings = settings_of(shop, mirror, **more)
    return copier_of(settings, shop.store, connect(settings.mirror), shop.clock)


def copy(shop: Core, mirror: dict[str, Any], **more: Any) -> int:
    """Copy until nothing is left; returns how many steps that took."""
    return finish(copier(shop, mirror, **more))


def finish(made: Copier) -> int:
    """Take steps until nothing is to be done; returns how many."""
    return sum(1 for _ in iter(made.step, False))


def here(shop: Core) -> dict[str, bytes]:
    """What is to be there of files that are no photos."""
    versions = shop.state / "models"
    return {
        f"{group}/{path.relative_to(root)}": path.read_bytes()
        for group, root in (
            ("backups", shop.state / "backups"),
            ("results", shop.results),
            ("versions", versions),
        )
        for path in root.rglob("*")
        if path.is_file() and "latest" not in path.name and not path.name.startswith(".")
    }
