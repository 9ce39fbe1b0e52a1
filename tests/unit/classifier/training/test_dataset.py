import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifier.training import dataset
from classifier.training.__main__ import main


def draw(path: Path, seed: int) -> None:
    """A photo of coarse random patches: like no other seed's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    patches = np.random.default_rng(seed).integers(0, 255, (6, 6, 3)).astype(np.uint8)
    Image.fromarray(patches).resize((90, 120), Image.Resampling.NEAREST).save(path)


def shop(folder: Path) -> Path:
    """The full layout, with every source."""
    for number in range(12):
        for category in ("Shirts", "Tshirts"):
            seed = number + 100 * (category == "Shirts")
            draw(folder / f"fashion-products/known/{category}/{seed}7.jpg", seed)
        draw(folder / f"fashion-products/other/Caps/{900 + number}1.jpg", 300 + number)
        draw(folder / f"clothing/train/shirt/a{number}.jpg", 400 + number)
        draw(folder / f"clothing/train/hat/b{number}.jpg", 500 + number)
        draw(folder / f"clothing/train/shoes/c{number}.jpg", 600 + number)
    draw(folder / "fashion-products/known-60x80/Shirts/77777.jpg", 700)
    return folder


def plain(folder: Path, name: str = "mug{}") -> None:
    """Two categories of ten photos; name: of each file, without its ending."""
    for number in range(10):
        draw(folder / f"Mugs/{name.format(number)}.png", number)
        draw(folder / f"Plates/{name.format(50 + number)}.png", 50 + number)


def unreadable(folder: Path) -> None:
    plain(folder)
    for photo in (folder / "Plates").iterdir():
        photo.write_bytes(b"no photo")


def test_sources_are_told_apart_and_joined_by_kind(tmp_path: Path) -> None:
    data = dataset.load(shop(tmp_path), seed=1)
    assert data.categories == ["Shirts", "Tshirts"]
    assert data.kinds() == ["Caps"]
    assert len(data.where(source="phone", known=True)) == 12
    assert len(data.where(label="Caps")) == 24
    assert data.pixels.shape == (len(data.items), 224, 224, 3)


def test_folders_of_what_could_not_be_filed_are_no_categories(tmp_path: Path) -> None:
    plain(tmp_path)
    for folder in ("_review", "_quarantine"):
        draw(tmp_path / folder / "mug99.png", 99)
    assert dataset.load(tmp_path, seed=1).categories == ["Mugs", "Plates"]


def test_what_is_for_testing_only_is_never_trained_on(tmp_path: Path) -> None:
    data = dataset.load(shop(tmp_path), seed=1)
    assert {data.items[i].side for i in data.where(source="small")} == {"test"}


def test_a_listing_under_another_id_stays_with_its_twin(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    for number in (50001, 60001, 70001, 80001):
        draw(folder / f"fashion-products/known/Shirts/{number}.jpg", 700)  # as the 60x80 photo
    data = dataset.load(folder, seed=1)
    twins = [item for item in data.items if item.path.stem in ("50001", "60001", "70001", "80001")]
    assert [twin.side for twin in twins] == ["test"] * 4


def test_a_plain_folder_of_categories_will_do(tmp_path: Path) -> None:
    plain(tmp_path)
    (tmp_path / "Mugs" / "broken.jpg").write_bytes(b"no photo")
    draw(tmp_path / "Mugs" / ".hidden.png", 99)
    data = dataset.load(tmp_path, seed=1)
    assert data.categories == ["Mugs", "Plates"]
    assert len(data.items) == 20
    assert data.unreadable == 1
    assert {item.side for item in data.items} == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "holds photos of 0 categories"),
        (lambda folder: draw(folder / "Mugs/1.png", 1), "holds photos of 1 categories"),
        (
            lambda folder: list(
                map(draw, (folder / "Mugs/1.png", folder / "Plates/1.png"), (1, 2))
            ),
            "only 1 photos of Mugs",
        ),
        (unreadable, "only 0 readable photos of Plates"),
        # Numbers that follow each other are one product: these are one of each category.
        (lambda folder: plain(folder, "{}"), "is left to"),
    ],
)
def test_too_few_photos_are_one_line_and_exit_2(  # type: ignore[no-untyped-def]
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make, says: str
) -> None:
    make(tmp_path)
    assert main([str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "nowhere is no folder" in capsys.readouterr().err


def test_a_kind_that_is_not_there_cannot_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(shop(tmp_path)), "--leave-out", "Hats"]) == 2
    assert "no such kind to leave out: Hats" in capsys.readouterr().err


def test_folder_for_the_bundle_that_cannot_be_made_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain(tmp_path / "data")
    (tmp_path / "file").write_text("in the way")
    assert main([str(tmp_path / "data"), "--out", str(tmp_path / "file" / "own")]) == 2
    assert capsys.readouterr().err == f"train: {tmp_path / 'file' / 'own'}: Not a directory\n"


def test_without_what_training_needs_it_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(tmp_path / "data")
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert main([str(tmp_path / "data"), "--out", str(tmp_path / "own")]) == 2
    assert "is not installed here: use make train" in capsys.readouterr().err


@pytest.mark.parametrize("epochs", ["many", "1,2", "0,0,0", "1,2,-1"])
def test_epochs_that_cannot_be_are_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], epochs: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), "--epochs", epochs])
    assert "--epochs" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--sister", "--fitted"])
def test_files_that_are_not_there_are_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), option, str(tmp_path / "gone")])
    assert f"there is no file {tmp_path / 'gone'}" in capsys.readouterr().err
