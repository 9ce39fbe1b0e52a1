"""How long calls took, counted into spans, in the text format of Prometheus.

Written here: with the gauges' few lines, which the daemon has for its own file, this is all that
prometheus-client would be asked for, and it would keep its values in a registry of the process.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field

SPANS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NAME = "nightsort_api_call_seconds"


@dataclass(slots=True)
class _Counted:
    spans: list[int] = field(default_factory=lambda: [0] * (len(SPANS) + 1))
    total: float = 0.0


class Histogram:
    """Counts by path template and status; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], _Counted] = {}

    def add(self, labels: tuple[str, str], seconds: float) -> None:
        """One more call: its path template and status."""
        with self._lock:
            counted = self._counted.setdefault(labels, _Counted())
            counted.spans[bisect_left(SPANS, seconds)] += 1
            counted.total += seconds

    def text(self) -> str:
        """All of it. Source: the text exposition format of Prometheus, histograms."""
        lines = [f"# HELP {NAME} How long calls of the API took.", f"# TYPE {NAME} histogram"]
        with self._lock:
            for (path, status), counted in sorted(self._counted.items()):
                labels, count = f'path="{path}",status="{status}"', 0
                for end, more in zip((*SPANS, "+Inf"), counted.spans, strict=True):
                    count += more
                    lines.append(f'{NAME}_bucket{{{labels},le="{end}"}} {count}')
                lines.append(f"{NAME}_sum{{{labels}}} {counted.total:.6f}")
                lines.append(f"{NAME}_count{{{labels}}} {count}")
        return "\n".join(lines) + "\n"
