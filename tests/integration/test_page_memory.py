"""Of large photos the page has few in memory, however many come."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from classifier import pixels
from tests.support.photos import draw_photo, encode
from tests.support.processes import clean_environment
from tests.support.waiting import DEADLINE_SECONDS
from web.predictions.judging import picture_of

ROOT = Path(__file__).parents[2]
# Three threads at work, as on a machine of three cores; in a process of their own.
AT_WORK = """
import io, json, pathlib, sys
from concurrent.futures import ThreadPoolExecutor
from config.settings import Settings
from web.predictions.judging import Judge

def now():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":") for line in lines)
    return {key: int(found[key].split()[0]) / 1e3 for key in ("VmHWM", "VmRSS")}

def judged(data):
    (found,) = judge.judge([io.BytesIO(data)])
    return found.verdict

folders = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
judge = Judge(Settings(**{name: pathlib.Path(name).absolute() for name in folders}), 3)
large, small = (pathlib.Path(name).read_bytes() for name in sys.argv[1:])
for _ in range(3):
    judged(small)  # loads what it takes
before = now()["VmRSS"]
with ThreadPoolExecutor(3) as pool:
    list(pool.map(judged, [large + bytes([n]) for n in range(9)]))
    after = now()
print(json.dumps({key: megabytes - before for key, megabytes in after.items()}))
"""


def test_of_what_a_decoder_holds_whole_one_is_in_memory_at_a_time_and_given_back(
    tmp_path: Path,
) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(encode(draw_photo(1, (1000, 750)).resize((4000, 3000)), "WEBP", method=0))
    small.write_bytes(encode(draw_photo(1), "WEBP"))
    done = subprocess.run(
        [sys.executable, "-c", AT_WORK, str(large), str(small)],
        cwd=tmp_path, env=clean_environment() | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        check=True,
    )  # fmt: skip
    more_megabytes = json.loads(done.stdout.splitlines()[-1])  # before it, the log
    assert more_megabytes["VmHWM"] < 400  # one takes 190, two at a time 380, three 560
    assert more_megabytes["VmRSS"] < 80


def test_what_is_dropped_into_incoming_waits_for_nothing_that_is_judged() -> None:
    large = encode(draw_photo(1, (1000, 750)).resize((2400, 1800)), "PNG", compress_level=1)
    with ThreadPoolExecutor(1) as pool, pixels._large_pictures:
        painted = pool.submit(picture_of, BytesIO(large), 64, 100)
        assert painted.result(DEADLINE_SECONDS)
