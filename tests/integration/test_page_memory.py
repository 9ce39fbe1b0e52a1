"""Of large photos the page has few in memory, however many come."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from classifier import pixels
from config.errors import PhotoError
from config.settings import Settings
from tests.support.photos import draw_photo, encode, photo_bytes
from tests.support.processes import clean_environment
from tests.support.waiting import DEADLINE_SECONDS
from web.predictions.alone import Decoder
from web.predictions.judging import Judge, picture_of

ROOT = Path(__file__).parents[2]
# In a process of their own, as on a machine of three cores: the predictor and its decoder.
AT_WORK = """
import io, json, pathlib, sys
from config.settings import Settings
from web.predictions import Predictor

def now():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":") for line in lines)
    return {key: int(found[key].split()[0]) / 1e3 for key in ("VmHWM", "VmRSS")}

def ask(*photos):
    for answer in [predictor.submit(io.BytesIO(photo)) for photo in photos]:
        assert answer.result() or print(answer.result())

folders = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
settings = {name: pathlib.Path(name).absolute() for name in folders}
predictor = Predictor(Settings(batch={"workers": 3}, **settings))
large, small = (pathlib.Path(name).read_bytes() for name in sys.argv[1:])
ask(*3 * [small], large)  # loads what it takes
before = now()["VmRSS"]
ask(*(large + bytes([n]) for n in range(9)))
after = now()
predictor.stop()
print(json.dumps({key: megabytes - before for key, megabytes in after.items()}))
"""


@pytest.mark.parametrize(
    ("kind", "options"),
    [("WEBP", {"method": 0}), ("PNG", {"compress_level": 1}), ("JPEG", {"progressive": True})],
)
def test_what_a_decoder_holds_whole_is_never_in_the_memory_of_the_page(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    picture = draw_photo(1, (1000, 750)).resize((4000, 3000), Image.Resampling.NEAREST)
    large.write_bytes(encode(picture, kind, **options))
    assert large.stat().st_size < 2_000_000  # the test itself holds ten of them
    small.write_bytes(encode(draw_photo(1), kind))
    done = subprocess.run(
        [sys.executable, "-c", AT_WORK, str(large), str(small)],
        cwd=tmp_path, env=clean_environment() | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        check=True,
    )  # fmt: skip
    more_megabytes = json.loads(done.stdout.splitlines()[-1])  # before it, the log
    # A picture of these takes 36 (progressive JPEG) to 190 (WebP), three at a time thrice that.
    assert more_megabytes["VmHWM"] < 35
    assert more_megabytes["VmRSS"] < 35


def refusals() -> list[PhotoError]:
    return [one for one in gc.get_objects() if type(one) is PhotoError]


def test_nothing_of_a_photo_that_is_refused_stays_in_memory(tmp_path: Path) -> None:
    keys = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
    judge = Judge(Settings.model_validate({key: tmp_path / key for key in keys}), 1)
    gc.collect()
    gc.disable()
    before = refusals()  # what other tests left
    try:
        (refused,) = judge.judge([BytesIO(photo_bytes("PNG")[:-100])])
        assert isinstance(refused, PhotoError)
        del refused
        assert refusals() == before
    finally:
        gc.enable()


def test_what_is_dropped_into_incoming_waits_for_nothing_that_is_judged() -> None:
    large = encode(draw_photo(1, (1000, 750)).resize((2400, 1800)), "PNG", compress_level=1)
    decoder = Decoder()
    with ThreadPoolExecutor(1) as pool, pixels._large_pictures:
        painted = pool.submit(picture_of, BytesIO(large), 64, 100, decoder)
        assert painted.result(DEADLINE_SECONDS)
    decoder.end()
