"""Memory that large photos were in is kept for the next ones, in a process that does little else.

Given back to the kernel and had again, page by page, it costs photos of 12 megapixels up to a
twelfth of the processor's time (measured). The daemon gains nothing by it: its workers have one
photo at hand each.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

# What the C library calls them, and at which size it takes memory apart for a thing by itself.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_APART_BYTES, _GIVEN_BACK_BYTES = 32 << 20, 64 << 20


def keep_at_hand() -> None:
    """Have the C library keep it. Source: mallopt(3); other libraries have none."""
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _APART_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _GIVEN_BACK_BYTES)


def give_back() -> None:
    """Have what is kept given back once: each thread's part may be another. malloc_trim(3)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
