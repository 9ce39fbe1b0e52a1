"""The installer's errors: a line for people that says what to do."""

from __future__ import annotations


class InstallError(Exception):
    """It cannot be done."""
