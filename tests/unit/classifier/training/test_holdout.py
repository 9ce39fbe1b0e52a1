from pathlib import Path

from classifier.training import holdout


def test_hold_out_becomes_a_folder_of_category_folders(tmp_path: Path) -> None:
    photo = tmp_path / "data" / "known" / "Shirts" / "1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"a photo")
    text = "# head\ncatalogue\tShirts\tknown/Shirts/1.jpg\nunknown\tCaps\tother/Caps/2.jpg\n"
    (tmp_path / "holdout.txt").write_text(text)
    code = holdout.main([str(tmp_path / "data"), str(tmp_path / "eval"), "--bundle", str(tmp_path)])
    assert code == 0
    assert [p.relative_to(tmp_path / "eval") for p in (tmp_path / "eval").rglob("*.jpg")] == [
        Path("Shirts/1.jpg")
    ]
    assert (tmp_path / "eval" / "Shirts" / "1.jpg").read_bytes() == b"a photo"


def test_a_bundle_without_hold_out_is_one_line(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert holdout.main([str(tmp_path), str(tmp_path / "x"), "--bundle", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
