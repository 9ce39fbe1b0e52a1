"""Large photos are decoded by a process of their own: the same pixels, in turn, within a bound."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from classifier.pixels import decode
from config.errors import PhotoError, PhotoProblem
from config.settings import Settings
from tests.support.photos import draw_photo, encode, photo_bytes, samples
from tests.support.waiting import DEADLINE_SECONDS, eventually
from web.predictions import Predictor, alone
from web.predictions.alone import Decoder
from web.predictions.judging import _decoded_by, picture_of
from web.problems import Problem
from web.reading.decoder import decoded

ROOT = Path(__file__).parents[2]
SIZE = (224, 224)


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.end()


def process_of(decoder: Decoder) -> int:
    assert decoder._helper is not None
    return decoder._helper.process.pid


def refused(decoder: Decoder, photo: bytes) -> PhotoError:
    with pytest.raises(PhotoError) as caught:
        decoder.ask(photo, SIZE, 1000)
    return caught.value


def bomb() -> bytes:
    """A PNG of 400 megapixels, as far as its header goes."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_what_it_decodes_is_the_same_as_what_is_decoded_here(decoder: Decoder) -> None:
    for kind in ("JPEG progressive", "PNG", "PNG with EXIF", "WebP alpha", "TIFF", "AVIF", "HEIC"):
        data = samples((400, 300))[kind]
        here, there = decode(data), _decoded_by(decoder, data, SIZE, 100)
        assert np.array_equal(here.pixels, there.pixels), kind
        assert (here.width, here.height) == (there.width, there.height)
        assert here.format == there.format


def test_what_is_wrong_with_a_photo_is_told_as_here(decoder: Decoder) -> None:
    cut = photo_bytes("PNG")[:-100]
    with pytest.raises(PhotoError) as here:
        decode(cut)
    there = refused(decoder, cut)
    assert (there.problem, there.text) == (here.value.problem, here.value.text)


def test_what_does_not_fit_into_its_memory_is_too_large_and_the_process_goes_on(
    decoder: Decoder,
) -> None:
    decoder.ask(photo_bytes("PNG"), SIZE, 100)
    before = process_of(decoder)
    error = refused(decoder, bomb())
    assert (error.problem, "memory" in error.text) == (PhotoProblem.TOO_LARGE, True)
    assert decoder.ask(photo_bytes("PNG"), SIZE, 100)
    assert process_of(decoder) == before


def test_a_large_photo_that_cannot_be_decoded_may_have_found_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damaged = bytearray(photo_bytes("PNG"))
    damaged[200:240] = bytes(40)
    request = {"to": SIZE, "max_megapixels": 100, "fit": False}
    assert decoded(request, bytes(damaged))[0]["code"] is PhotoProblem.CORRUPT
    monkeypatch.setattr("web.reading.decoder.SURE_MEGAPIXELS", 0.01)
    assert decoded(request, bytes(damaged))[0]["code"] is PhotoProblem.TOO_LARGE


@pytest.mark.parametrize(
    ("by", "problem"),
    [
        (signal.SIGKILL, PhotoProblem.TOO_LARGE),  # as the kernel does that has no memory
        (signal.SIGABRT, PhotoProblem.TOO_LARGE),  # as C++ does that was given none
        (signal.SIGSEGV, PhotoProblem.CRASHES_DECODER),
    ],
)
def test_a_photo_that_ends_the_process_is_refused_and_the_next_has_another(
    decoder: Decoder, by: signal.Signals, problem: PhotoProblem
) -> None:
    decoder.ask(photo_bytes("PNG"), SIZE, 100)
    before = process_of(decoder)
    os.kill(before, by)
    with capture_logs() as said:
        assert refused(decoder, photo_bytes("PNG")).problem is problem
    assert [(one["event"], one["exit_code"]) for one in said] == [("large_photo_failed", -by)]
    assert decoder.ask(photo_bytes("PNG"), SIZE, 100)
    assert process_of(decoder) != before


def test_one_that_does_not_come_to_an_end_is_ended(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "DECODE_SECONDS", 0.0)
    with pytest.raises(Problem) as caught:
        decoder.ask(photo_bytes("PNG"), SIZE, 100)
    assert (caught.value.status_code, caught.value.code) == (503, "busy")
    assert decoder._helper is None


def test_the_process_is_gone_when_nothing_has_come_for_a_while(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder.ask(photo_bytes("PNG"), SIZE, 100)
    before = Path("/proc", str(process_of(decoder)))
    decoder.end_idle()
    assert before.exists()
    monkeypatch.setattr(alone, "IDLE_SECONDS", 0.0)
    decoder.end_idle()
    eventually(lambda: not before.exists())
    assert decoder.ask(photo_bytes("PNG"), SIZE, 100)


DENIED = """
import errno, os
def nice(_):
    raise PermissionError(errno.EPERM, "denied")
os.nice = nice
from web.reading.helper import answer_all
answer_all(lambda request, content: (request, content.upper()), 5)
"""


def test_a_helper_works_where_systemd_denies_it_to_be_nice() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DENIED], input=b'{"n": 7, "size": 3}\nabc', cwd=ROOT,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    assert done.stdout == b'{"n": 7, "size": 3}\nABC'


@contextmanager
def at_work(folder: Path) -> Iterator[Predictor]:
    keys = ("incoming_dir", "sorted_dir", "results_dir", "state_dir")
    predictor = Predictor(Settings.model_validate({key: folder / key for key in keys}))
    try:
        yield predictor
    finally:
        predictor.stop()


def is_begun(predictor: Predictor) -> bool:
    return predictor._alone.decoder._helper is not None


def test_a_large_photo_gets_the_verdict_that_it_would_get_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = encode(draw_photo(1, (600, 450)), "PNG")
    with at_work(tmp_path) as predictor:
        here = predictor.submit(BytesIO(photo)).result(DEADLINE_SECONDS)
        assert not is_begun(predictor)
        monkeypatch.setattr("web.predictions.judging.LARGE_MEGAPIXELS", 0.2)
        there = predictor.submit(BytesIO(photo + b" ")).result(DEADLINE_SECONDS)
        assert is_begun(predictor)
        assert (there.verdict, there.model) == (here.verdict, here.model)
        assert predictor.submit(BytesIO(photo + b" ")).result(DEADLINE_SECONDS) is there
        painted = predictor.picture(BytesIO(photo), 64).result(DEADLINE_SECONDS)
        assert painted == picture_of(BytesIO(photo), 64, 100, predictor._alone.decoder)


def test_at_the_end_nobody_waits_for_a_large_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.predictions.judging.LARGE_MEGAPIXELS", 0.0)
    with at_work(tmp_path) as predictor:
        predictor.submit(BytesIO(photo_bytes("PNG"))).result(DEADLINE_SECONDS)
        os.kill(process_of(predictor._alone.decoder), signal.SIGSTOP)
        later = [predictor.submit(BytesIO(photo_bytes("PNG", seed=n))) for n in (2, 3)]
        eventually(lambda: predictor._alone._pool._work_queue.qsize() == 1)
    assert [one.exception(DEADLINE_SECONDS) is not None for one in later] == [True, True]
