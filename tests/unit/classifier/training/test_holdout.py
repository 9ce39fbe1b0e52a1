from pathlib import Path

import pytest

from classifier.training import conditions, holdout, quality, specimens
from tests.support.bundles import REAL_BUNDLE

LISTED = "# head\ncatalogue\tShirts\tknown/Shirts/1.jpg\nunknown\tCaps\tother/Caps/2.jpg\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hold-out list, and the data that it lists in part."""
    photo = tmp_path / "data" / "known" / "Shirts" / "1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a photo")
    (tmp_path / "holdout.txt").write_text(LISTED)
    return tmp_path


def hold_out(folder: Path, *more: str, data: str = "data", out: str = "eval") -> int:
    return holdout.main([str(folder / data), str(folder / out), "--bundle", str(folder), *more])


def test_hold_out_becomes_a_folder_of_category_folders(folder: Path) -> None:
    assert hold_out(folder) == 0
    assert [p.relative_to(folder / "eval") for p in (folder / "eval").rglob("*.jpg")] == [
        Path("Shirts/1.jpg")
    ]
    assert (folder / "eval" / "Shirts" / "1.jpg").read_bytes() == b"a photo"


def test_a_bundle_without_hold_out_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hold_out(tmp_path) == 1
    error = capsys.readouterr().err
    assert error == f"holdout: {tmp_path / 'holdout.txt'}: No such file or directory\n"


@pytest.mark.parametrize(
    ("more", "data", "out", "says"),
    [
        ((), "nowhere", "eval", "1.jpg is missing: give the folder that"),
        (("--source", "unknown"), "data", "eval", "2.jpg is missing: give the folder that"),
        (("--source", "moon"), "data", "eval", "its sources: catalogue, unknown"),
        ((), "data", "data", "File exists"),
    ],
)
def test_hold_out_that_cannot_be_linked_is_one_line_and_makes_nothing(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    data: str,
    out: str,
    says: str,
) -> None:
    assert hold_out(folder, *more, data=data, out=out) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not (folder / "eval").exists()


@pytest.mark.parametrize("command", [conditions, quality])
def test_measuring_without_the_photos_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: object
) -> None:
    assert command.main([str(tmp_path), "--bundle", str(REAL_BUNDLE)]) == 1  # type: ignore[attr-defined]
    said = capsys.readouterr()
    assert said.out == ""
    assert "is missing: give the folder that" in said.err
    assert said.err.count("\n") == 1


def test_self_test_for_no_bundle_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert specimens.main([str(tmp_path)]) == 1
    assert "card.json is missing" in capsys.readouterr().err


def test_every_nth_photo_takes_a_number_above_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        quality.main([str(tmp_path), "--every", "0"])
    assert "--every must be at least 1" in capsys.readouterr().err
