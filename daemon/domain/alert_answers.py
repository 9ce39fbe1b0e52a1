"""What orders about alerts are answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetTried:
    """How a test alert to one target went."""

    name: str
    delivered: bool
    error: str  # empty when there was none; delivered with one: not to all addressees


@dataclass(frozen=True, slots=True)
class TargetsAnswer:
    """How a test alert to all targets went."""

    targets: tuple[TargetTried, ...]


@dataclass(frozen=True, slots=True)
class AlertAnswer:
    """Who is noted as knowing of an alert."""

    by: str  # whoever said so first
