"""What may be said of a share of all, by some of them."""

from __future__ import annotations

import math


def wilson(hits: float, total: float, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a proportion, or that of `z` standard deviations. Source: Wilson 1927."""
    if total == 0:
        return 0.0, 1.0
    share = hits / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
