"""Of large photos the page has few in memory, however many come."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.photos import draw_photo, encode

ROOT = Path(__file__).parents[2]
# Three threads at work, as on a machine of three cores; in a process of their own.
AT_WORK = """
import io, json, pathlib, sys
from concurrent.futures import ThreadPoolExecutor
from classifier.heap import keep_at_hand
from web.predictions.judging import picture_of

def now():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":") for line in lines)
    return {key: int(found[key].split()[0]) / 1e3 for key in ("VmHWM", "VmRSS")}

keep_at_hand()
photo = pathlib.Path(sys.argv[1]).read_bytes()
picture_of(io.BytesIO(pathlib.Path(sys.argv[2]).read_bytes()), 64, 100)  # loads what it takes
before = now()["VmRSS"]
with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda _: picture_of(io.BytesIO(photo), 64, 100), range(9)))
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
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    more_megabytes = json.loads(done.stdout)
    assert more_megabytes["VmHWM"] < 400  # one takes 190, two at a time 380, three 560
    assert more_megabytes["VmRSS"] < 80
