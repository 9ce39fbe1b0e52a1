"""No library computes with threads of its own beside the workers, whatever the environment says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from classifier import threads
from classifier.pixels import decode
from classifier.threads import Pool, hold_to_one_thread, loose_pools, pools
from tests.support.photos import photo_bytes
from tests.support.waiting import DEADLINE_SECONDS

# What an administrator, or nobody, may have set; NumPy is imported before nightsort is asked.
_FOUR = {"OPENBLAS_NUM_THREADS": "4", "OMP_NUM_THREADS": "4"}
_ENVIRONMENTS: tuple[dict[str, str], ...] = ({}, _FOUR)
_IN_A_WORKER = """
import json, sys, time
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from classifier.classifier import Classifier
from classifier.pixels import decode
from classifier.threads import loose_pools, pools
from tests.support.photos import photo_bytes

classifier = Classifier.load()
picture = decode(photo_bytes())

def work():
    began, began_own = time.process_time(), time.thread_time()
    for _ in range(50):
        classifier.classify([picture] * 4)
        time.sleep(0.001)
    own = time.thread_time() - began_own
    found = [len(pools()), [pool.library for pool in loose_pools()]]
    return [*found, time.process_time() - began - own, own]

with ThreadPoolExecutor(1) as pool:
    print(json.dumps(pool.submit(work).result()))
"""
_AT_THE_START = """
import json, os
from classifier.threads import ask_for_one_thread
ask_for_one_thread()
import numpy as np
np.ones((256, 256), np.float32) @ np.ones((256, 256), np.float32)
print(json.dumps(len(os.listdir("/proc/self/task"))))
"""


def printed_by(code: str, **variables: str) -> Any:
    """What a Python of its own prints, with `variables` instead of anything on threads."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def threads_now() -> int:
    """How many threads this process has, those of libraries among them."""
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize("variables", _ENVIRONMENTS)
def test_in_a_worker_no_pool_has_more_than_one_thread(variables: dict[str, str]) -> None:
    known, loose, others_seconds, own_seconds = printed_by(_IN_A_WORKER, **variables)
    assert known >= 1, "NumPy's BLAS was not found: nothing was tested"
    assert loose == []
    # A spinning pool takes as much as the worker itself; the tiny rest is Python's own.
    assert others_seconds < 0.2 * own_seconds


@pytest.mark.parametrize("variables", _ENVIRONMENTS)
def test_a_pool_that_was_asked_in_time_is_never_made(variables: dict[str, str]) -> None:
    assert printed_by(_AT_THE_START, **variables) == 1


def test_the_command_line_asks_before_it_does_anything() -> None:
    code = (
        "import json, os, sys; from daemon.cli.main import main\n"
        "sys.argv = ['nightsort', 'bogus']\n"
        "assert 'numpy' not in sys.modules\n"
        "try: main()\n"
        "except SystemExit: print(json.dumps(os.environ['OPENBLAS_NUM_THREADS']))"
    )
    assert printed_by(code, OPENBLAS_NUM_THREADS="8") == "1"


def test_each_thread_holds_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    class Controller:
        def limit(self, limits: int) -> None:
            held.append(limits)

    monkeypatch.setattr(threads, "_controller", Controller)

    def hold_twice() -> None:
        hold_to_one_thread()
        hold_to_one_thread()

    for _ in range(2):
        thread = threading.Thread(target=hold_twice)
        thread.start()
        thread.join()
    assert held == [1, 1]


def test_libraries_that_cannot_be_looked_at_stop_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError

    monkeypatch.setattr(threads, "_controller", refuse)
    monkeypatch.setattr(threads, "_this_thread", threading.local())
    hold_to_one_thread()
    assert list(pools()) == []


def test_a_pool_that_does_not_obey_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from classifier.classifier import Classifier

    monkeypatch.setattr(threads, "pools", lambda: [Pool("Other 1.0", 8), Pool("OpenBLAS 0.3", 1)])
    assert loose_pools() == [Pool("Other 1.0", 8)]
    Classifier.load()
    said = capsys.readouterr().out
    assert "threads_not_held" in said
    assert "Other 1.0" in said


@pytest.mark.parametrize(("format_name", "beside"), [("AVIF", 0), ("WEBP", 0), ("HEIC", 1)])
def test_decoders_bring_no_threads_beside_the_workers(format_name: str, beside: int) -> None:
    # libheif has libde265 decode in one thread, for which the worker's own waits.
    data = photo_bytes(format_name, size=(1000, 1400))
    decode(data)  # loads the library
    before, most = threads_now() + 1, 0
    done = threading.Event()

    def decode_it() -> None:
        decode(data)
        done.set()

    thread = threading.Thread(target=decode_it)
    thread.start()
    while not done.is_set():
        most = max(most, threads_now())
        time.sleep(0.0005)
    thread.join()
    assert most <= before + beside
