"""Tables as spreadsheets open them: no cell ever starts a formula."""

from __future__ import annotations

from daemon.folders.writing import csv_lines

__all__ = ["csv_lines"]
