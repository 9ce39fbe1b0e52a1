"""Build hook: puts the default model bundle into the wheel.

A plain force-include in pyproject.toml would also copy the bundle at every editable install, where
`classifier.bundle` uses models/ of the repository directly.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BundleHook(BuildHookInterface[Any]):
    """Adds models/fashion as classifier/bundles/fashion to wheels that are really installed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it writes a wheel; `version` is standard or editable."""
        if version == "standard":
            build_data["force_include"]["models/fashion"] = "classifier/bundles/fashion"
