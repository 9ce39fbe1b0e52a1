"""The samples of `make run` are what they claim to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from classifier.classifier import Classifier
from classifier.pixels import decode
from classifier.verdict import Band, Reason
from config.errors import PhotoError, PhotoProblem
from daemon.cli.samples import draw_samples
from daemon.domain.return_ids import return_id

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_samples(tmp_path_factory.mktemp("samples") / "incoming")


def test_every_sample_but_the_last_can_be_decoded(samples: list[Path]) -> None:
    assert len(samples) == 10
    for path in samples[:-1]:
        decode(path.read_bytes())


def test_the_last_sample_is_corrupt_not_merely_cut_off(samples: list[Path]) -> None:
    with pytest.raises(PhotoError) as caught:
        decode(samples[-1].read_bytes())
    assert caught.value.problem is PhotoProblem.CORRUPT


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 2), (["--photos"], 2)])
def test_an_option_is_no_folder(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli.samples", *arguments],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, "daemon.cli.samples" in done.stdout + done.stderr) == (code, True)
    assert [*tmp_path.iterdir()] == []


def test_exactly_two_samples_are_alike(samples: list[Path]) -> None:
    contents = [path.read_bytes() for path in samples]
    assert contents[-2] == contents[0]
    assert len(set(contents)) == len(contents) - 1
    assert len(set(samples)) == len(samples)


def test_samples_name_their_returns_in_both_ways_that_departments_count(
    samples: list[Path],
) -> None:
    ids = [return_id(path.name) for path in samples]
    assert all(ids)
    assert sum("-" in found for found in ids) == 4  # a day and a counter
    assert ids[-2] == ids[0]  # the duplicate is of the same return


def test_samples_differ_in_format_size_and_orientation(samples: list[Path]) -> None:
    pictures = [Image.open(path) for path in samples[:-2]]
    assert {picture.format for picture in pictures} == {"JPEG", "PNG"}
    assert len({picture.size for picture in pictures}) >= 5
    assert {picture.getexif().get(274, 1) for picture in pictures} == {1, 6}
    for picture in pictures:
        picture.close()


def test_same_seed_draws_the_same(samples: list[Path], tmp_path: Path) -> None:
    again = draw_samples(tmp_path / "again")
    other = draw_samples(tmp_path / "other", seed=1)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in samples]
    assert {path.name for path in other}.isdisjoint(path.name for path in samples)


def test_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    first, *_ = draw_samples(tmp_path)
    first.write_bytes(b"somebody's own")
    assert draw_samples(tmp_path) == []
    assert first.read_bytes() == b"somebody's own"


def test_newcomer_sees_most_samples_filed_rightly_and_something_to_decide(
    samples: list[Path],
) -> None:
    classifier = Classifier.load()
    pictures = [decode(path.read_bytes(), size=classifier.input_size) for path in samples[:-2]]
    verdicts = classifier.classify(pictures)
    filed = [verdict.category for verdict in verdicts if verdict.band is not Band.REVIEW]
    expected = ["Tshirts", "Shirts", "Handbags", "Sunglasses", "Watches", "Tshirts"]
    assert filed == expected  # not the shoe, which is too simple, and no category is for the dress
    assert verdicts[-1].reason is Reason.UNKNOWN
