import numpy as np
import pytest
from PIL import Image

from classifier.training import augment, nothing


def product() -> np.ndarray:
    """A dark square in the middle of a white photo."""
    pixels = np.full((224, 224, 3), 255, np.uint8)
    pixels[80:144, 80:144] = (40, 60, 120)
    return pixels


@pytest.mark.parametrize("size_px", [160, 224])
def test_an_example_has_the_size_asked_for(size_px: int) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        example = augment.fresh_example(product(), size_px, rng)
        assert example.shape == (size_px, size_px, 3)
        assert example.dtype == np.uint8


def test_the_same_seed_gives_the_same_example() -> None:
    first, second = (
        augment.fresh_example(product(), 160, np.random.default_rng(9)) for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_a_product_stays_in_the_picture() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        example = augment.fresh_example(product(), 160, rng)
        assert int(example.max()) - int(example.min()) > 25


def test_a_moved_photo_continues_in_its_own_background() -> None:
    image = Image.fromarray(product())
    placed = np.asarray(augment.place(image, 224, (0.5, 0.5), 0.2, (0.1, -0.1)))
    assert (placed[0, 0] == 255).all()
    assert (placed[-1, -1] == 255).all()


def test_placing_shifts_to_the_side_that_was_asked_for() -> None:
    placed = np.asarray(augment.place(Image.fromarray(product()), 224, (1, 1), 0.0, (0.2, 0.0)))
    columns = np.flatnonzero(placed[112, :, 0] < 128)
    assert columns.mean() == pytest.approx(112 + 0.2 * 224, abs=2)


def test_the_round_trip_through_the_old_catalogue_loses_detail_not_size() -> None:
    noisy = np.random.default_rng(1).integers(0, 255, (224, 224, 3)).astype(np.uint8)
    back = augment.round_trip(noisy)
    assert back.shape == noisy.shape
    assert back.std() < noisy.std() / 2


def test_photos_of_nothing_are_tables_and_shuffled_products() -> None:
    rng = np.random.default_rng(1)
    made = nothing.photos_of_nothing(np.stack([product()]), 6, rng)
    assert made.shape == (6, 224, 224, 3)


def test_a_shuffled_product_has_the_same_pixels_elsewhere() -> None:
    mixed = nothing.shuffled(product(), np.random.default_rng(2))
    assert not np.array_equal(mixed, product())
    assert np.array_equal(np.sort(mixed, axis=None), np.sort(product(), axis=None))
