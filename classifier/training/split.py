"""Who stands on which side: products and their twins, split once and for good by a hash.

Neighbouring product ids are views or colours of one product, and shops list one product twice under
distant ids. Both must stay on one side, or the hold-out flatters the model. Numpy only.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Side = str  # "train", "validation" or "test"


def product_group(stem: str) -> str:
    """Name the product behind a file name: ids 12340 to 12349 are one product."""
    return f"p{int(stem) // 10}" if stem.isdecimal() else stem


def twin_pairs(
    thumbs: FloatArray, max_difference: float, block: int = 512
) -> list[tuple[int, int]]:
    """Find pairs of photos that look the same.

    thumbs: (photos, values), grey levels 0..255 of tiny thumbnails. Two photos are twins if the
    root mean square difference of their thumbnails is at most max_difference grey levels.
    """
    squares = np.einsum("ij,ij->i", thumbs, thumbs)
    limit = max_difference**2 * thumbs.shape[1]
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(thumbs), block):
        rows = slice(start, start + block)
        distance = squares[rows, None] + squares[None, :] - 2 * thumbs[rows] @ thumbs.T
        for i, j in np.argwhere(distance <= limit):
            if start + i < j:
                pairs.append((int(start + i), int(j)))
    return pairs


def merge_groups(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Give every photo the name of its merged group, the smallest of the names that were joined."""
    parent: dict[str, str] = {group: group for group in groups}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for i, j in pairs:
        low, high = sorted((root(groups[i]), root(groups[j])))
        parent[high] = low
    return [root(group) for group in groups]


def side_of(group: str, seed: int, shares: Mapping[Side, float]) -> Side:
    """Pick a side for a group: the same for the same seed, whatever other photos there are."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64 * sum(shares.values())
    for side, share in shares.items():
        position -= share
        if position < 0:
            return side
    return list(shares)[-1]


def assign_sides(
    groups: Sequence[str],
    fixed: Sequence[Side | None],
    seed: int,
    shares: Mapping[Side, float],
) -> list[Side]:
    """Say the side of every photo.

    fixed: the side a photo must stand on, or None where the hash decides. A group that touches
    the test side by one photo goes there whole, so that no twin of a test photo is trained on.
    """
    tested = {group for group, side in zip(groups, fixed, strict=True) if side == "test"}
    return [
        "test" if group in tested else side or side_of(group, seed, shares)
        for group, side in zip(groups, fixed, strict=True)
    ]
