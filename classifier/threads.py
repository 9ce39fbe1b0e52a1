"""The pools of threads that NumPy's BLAS brings along are held to one thread each.

The workers are the parallelism: a pool beside them spins while it waits for the next small product,
at ten times the processor time of the product itself (measured), and takes cores from the workers.

Held twice, for neither is enough alone. The environment, set before NumPy is imported, keeps a pool
from coming to be at all. Through the loaded library pools are held that exist already; where BLAS
uses OpenMP that limit is each thread's own, so each thread that computes sets it.
Tried with NumPy's own OpenBLAS and with Debian's two (pthreads, OpenMP): docs/performance.md.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
_NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "openmp": "OpenMP"}
_this_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Pool:
    """A library in this process that computes with threads of its own."""

    library: str  # with its version where it tells that, such as "OpenBLAS 0.3.31"
    threads: int  # that it uses when the thread that asked calls it


def ask_for_one_thread() -> None:
    """Have libraries that are loaded from here on use one thread; child processes' do, too."""
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))


def hold_to_one_thread() -> None:
    """Hold the loaded pools to one thread; each thread that computes calls this before it does."""
    if getattr(_this_thread, "has_held", False):
        return
    _this_thread.has_held = True
    with suppress(OSError):  # libraries that cannot be looked at: `pools` finds none then
        _controller().limit(limits=1)


def pools() -> Sequence[Pool]:
    """The pools that are loaded, as this thread finds them; empty where none is known."""
    try:
        found = _controller().info()
    except OSError:
        return []
    return [
        Pool(_name(pool["internal_api"], pool["version"]), pool["num_threads"]) for pool in found
    ]


def loose_pools() -> Sequence[Pool]:
    """Those of `pools` that could not be held to one thread."""
    return [pool for pool in pools() if pool.threads != 1]


@cache
def _controller() -> ThreadpoolController:
    """What knows the loaded libraries. Looks for them once, which takes a millisecond."""
    import numpy  # noqa: F401 - so that its libraries are there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _name(library: str, version: str | None) -> str:
    name = _NAMES.get(library, library)
    return f"{name} {version}" if version else name
