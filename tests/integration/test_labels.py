"""Return ids from labels in photos, on their way through workers, store and results."""

from __future__ import annotations

import csv
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from classifier.pixels import Picture, decode
from daemon.domain.return_ids import reader_of, return_id
from daemon.sorting import labels
from daemon.sorting.labels import label_reader
from tests.support.core import Core, running
from tests.support.desk import Crash, die_at
from tests.support.processes import Site


def photo_of(text: str) -> bytes:
    drawn = np.asarray(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image())
    picture = Image.fromarray(np.pad(np.kron(drawn, np.ones((4, 4), np.uint8)), 40))
    picture = Image.eval(picture, lambda level: level // 4 + 10 if level < 128 else level)
    file = BytesIO()
    picture.convert("RGB").save(file, "PNG")
    return file.getvalue()


def test_a_photo_whose_name_says_nothing_has_the_return_of_its_label() -> None:
    data = photo_of("https://shop.example/returns/RET-20251013-001")
    read = label_reader(return_id, 1.0)
    assert read("t/IMG_0001.png", data, decode(data)) == "20251013-001"


def test_a_name_that_says_it_is_believed_and_the_photo_not_looked_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refusing(*_: object, **__: object) -> list[object]:
        raise AssertionError("nobody asked for that")

    monkeypatch.setattr(labels, "read_codes", refusing)
    read = label_reader(return_id, 1.0)
    picture = Picture(Image.new("RGB", (1, 1)), 1, 1, "PNG")
    assert read("return-60521.png", b"", picture) == ""


def test_a_pattern_of_ones_own_reads_labels_too() -> None:
    data = photo_of("order-77")
    read = label_reader(reader_of("order-([0-9]+)"), 1.0)
    assert read("IMG_0001.png", data, decode(data)) == "77"


def test_the_label_is_in_results_and_found_also_after_a_crash_between_plan_and_record(
    tmp_path: Path,
) -> None:
    core = Core(tmp_path, inline=True, reached=die_at("after_rename"), labels=True)
    with running(core):
        core.drop("IMG_0001.png", photo_of("RET-60521"))
        with pytest.raises(Crash):
            core.drain()
        core.restart()
        core.recover_and_drain()
        (row,) = core.rows()
        assert row["return_id"] == "60521"
        assert [story.filename for story in core.store.history.stories("ret 60521")] == [
            "IMG_0001.png"
        ]


@pytest.mark.parametrize(("setting", "expected"), [("true", "60521"), ("false", "")])
def test_the_setting_alone_decides_whether_labels_are_looked_for(
    tmp_path: Path, setting: str, expected: str
) -> None:
    site = Site.make(tmp_path, settings=f"[returns]\nbarcodes = {setting}\n")
    (site.incoming / "IMG_0001.png").write_bytes(photo_of("RET-60521"))
    done = site.nightsort("now")
    assert done.returncode == 0, done.stderr
    with (site.results / "batch_results_latest.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["return_id"] == expected
