"""Whether the long versions of tests are asked for: LONG_TESTS=1 make test."""

from __future__ import annotations

import os

LONG = os.environ.get("LONG_TESTS", "") not in ("", "0")
