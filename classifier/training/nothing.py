"""Photos of nothing: empty tables, and products cut into tiles and shuffled.

They teach the model that a colour or a texture alone is no product. Numpy and Pillow only.
"""

import numpy as np
import numpy.typing as npt

from classifier.training import augment

Pixels = npt.NDArray[np.uint8]
LABEL = "Nothing"


def photos_of_nothing(products: Pixels, count: int, rng: np.random.Generator) -> Pixels:
    """Make count photos, every other one an empty table. products: (n, side, side, 3)."""
    made = [
        empty_table(products.shape[1], rng)
        if index % 2
        else shuffled(products[int(rng.integers(len(products)))], rng)
        for index in range(count)
    ]
    return np.stack(made)


def empty_table(size_px: int, rng: np.random.Generator) -> Pixels:
    """A table with nothing on it."""
    light = 255 * augment.table(size_px, rng)
    grain = rng.normal(0, rng.uniform(0, 4), light.shape)
    return np.asarray(np.clip(light + grain, 0, 255), np.uint8)


def shuffled(product: Pixels, rng: np.random.Generator) -> Pixels:
    """A product photo in tiles, each somewhere else."""
    tiles = int(rng.choice([3, 4, 7]))
    side = product.shape[0] // tiles
    cut = product[: side * tiles, : side * tiles]
    blocks = cut.reshape(tiles, side, tiles, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    mixed = blocks[rng.permutation(len(blocks))]
    joined = mixed.reshape(tiles, tiles, side, side, 3).swapaxes(1, 2)
    result = product.copy()
    result[: side * tiles, : side * tiles] = joined.reshape(side * tiles, side * tiles, 3)
    return result
