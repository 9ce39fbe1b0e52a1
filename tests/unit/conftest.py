"""The folder of each test is in memory."""

from __future__ import annotations

from tests.support.memory import clean_memory, tmp_path

__all__ = ["clean_memory", "tmp_path"]
