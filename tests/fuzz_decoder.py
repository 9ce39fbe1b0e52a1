"""Hands damaged photos to the decoder: `python -m tests.fuzz_decoder --count 20000 --seed 1`.

Every case is drawn from (seed, number) alone, so one that fails can be looked at again:
`--seed 1 --only 4711 --keep case.bin`. The cases run in a child process with bounded memory, which
is killed when one hangs; a case must end in a Picture or a PhotoError, and not a byte may
appear on standard error. Exits 1 if one does not.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from classifier.containers import recognise
from classifier.pixels import Picture, decode
from classifier.wholeness import check_whole
from config.errors import PhotoError
from tests.support.annotated import annotated
from tests.support.photos import samples

SIZE = (160, 213)
CASE_SECONDS = 5.0  # of processor time, so that a busy machine is not taken for a slow decoder
# Without a word from the child: it hangs. Starting it includes drawing the samples.
SILENCE_SECONDS, START_SECONDS = 60.0, 180.0
MEMORY_BYTES = 2_000_000_000
LENGTHS = (0, 1, 2, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def flip_bits(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Flip one to thirty bits anywhere."""
    for _ in range(rng.randint(1, 30)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut_off(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Lose the end."""
    del data[rng.randrange(len(data)) :]


def end_in_zeros(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Keep the size, lose the content of the end."""
    start = rng.randrange(len(data))
    data[start:] = bytes(len(data) - start)


def splice(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Go on with another file."""
    data[rng.randrange(len(data)) :] = other[rng.randrange(len(other)) :]


def edit_header(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Write anything over some of the first bytes."""
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(min(len(data), 400))] = rng.randrange(256)


def edit_length(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Write an extreme number where a length, an offset or a size may stand."""
    width = rng.choice((2, 4))
    at = rng.randrange(min(len(data), rng.choice((64, 1000, len(data)))))
    number = rng.choice((*LENGTHS, len(data), rng.randrange(1 << 16)))
    value = (number & (1 << 8 * width) - 1).to_bytes(width, rng.choice(("big", "little")))
    data[at : at + width] = value


def fill(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Write one byte over a stretch."""
    start, length = rng.randrange(len(data)), rng.randint(1, 4000)
    stretch = len(data[start : start + length])
    data[start : start + length] = bytes([rng.choice((0, 0xFF, rng.randrange(256)))]) * stretch


def repeat(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Say something again, up to 200 times."""
    start, length = rng.randrange(len(data)), rng.randint(1, 400)
    data[start:start] = bytes(data[start : start + length]) * rng.randint(1, 200)


def leave_out(rng: random.Random, data: bytearray, other: bytes) -> None:
    """Lose a stretch in the middle."""
    start = rng.randrange(len(data))
    del data[start : start + rng.randint(1, 4000)]


MUTATIONS: tuple[Callable[[random.Random, bytearray, bytes], None], ...] = (
    flip_bits,
    cut_off,
    end_in_zeros,
    splice,
    edit_header,
    edit_length,
    fill,
    repeat,
    leave_out,
)


def damaged_photo(seed: int, number: int, photos: dict[str, bytes]) -> tuple[str, bytes]:
    """Case `number`: which kind of photo it was, and its damaged bytes."""
    rng = random.Random(f"{seed}/{number}")
    names = sorted(photos)
    name = names[number % len(names)]
    data = bytearray(photos[name])
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if data:
            rng.choice(MUTATIONS)(rng, data, photos[rng.choice(names)])
    return name, bytes(data)


def outcome(data: bytes) -> str:
    """What becomes of the bytes: a format or a problem; anything else is an exception."""
    try:
        # By itself as well: decode() would take a fault of nightsort's own for one of the photo's.
        check_whole(recognise(data), data)
    except PhotoError as exc:
        _check_sentence(exc.text)
    try:
        picture = decode(data)
    except PhotoError as exc:
        _check_sentence(exc.text)
        return exc.problem.value
    _check_picture(picture)
    return "decoded"


def _check_sentence(text: str) -> None:
    if "\n" in text or "Error" in text or "Traceback" in text or not text.strip():
        raise AssertionError(f"not a sentence for a clerk: {text!r}")


def _check_picture(picture: Picture) -> None:
    if picture.pixels.shape != (224, 224, 3) or picture.pixels.dtype.name != "uint8":
        raise AssertionError(f"odd pixels: {picture.pixels.shape} {picture.pixels.dtype}")


@dataclass
class Tally:
    """What came of a run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "-")
    peak_mb: int = 0
    chatter: str = ""  # what appeared on standard error

    @property
    def good(self) -> bool:
        """Whether the decoder kept its promise in every case."""
        return not self.failures and not self.chatter

    def lines(self) -> list[str]:
        """The tally for people."""
        counts = ", ".join(f"{name} {count:,}" for name, count in self.outcomes.most_common())
        return [
            f"{self.outcomes.total():,} cases: {counts}",
            f"slowest {self.slowest[0]:.2f} s of processor time ({self.slowest[1]})",
            f"peak memory {self.peak_mb:,} MB",
            f"failures: {len(self.failures)}",
            *self.failures[:50],
            *([f"on standard error: {self.chatter[:2000]}"] if self.chatter else []),
        ]


def fuzz(count: int, seed: int, first: int = 0, folder: Path | None = None) -> Tally:
    """Run cases `first` to `first + count` in child processes; never raises for what they do."""
    tally, number = Tally(), first
    while number < first + count:
        number = _run_child(tally, seed, number, first + count, folder)
    return tally


def _run_child(tally: Tally, seed: int, number: int, end: int, folder: Path | None) -> int:
    """Run cases until the end or until one kills the child; returns the number to go on with."""
    command = [sys.executable, "-W", "error", "-m", "tests.fuzz_decoder", "--child"]
    command += ["--seed", str(seed), "--first", str(number), "--count", str(end - number)]
    command += ["--photos", str(folder)] if folder else []
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        ready = False
        for line in _lines(child):
            number += _take(tally, line)
            ready = True
        if not ready:
            child.kill()
            errors.seek(0)
            raise RuntimeError(f"the child process did not start: {errors.read()}")
        if number < end:
            how = "hangs" if child.poll() is None else f"ended with {child.wait()}"
            tally.failures.append(f"case {number}: the process {how}")
            number += 1
        child.kill()
        child.wait()
        errors.seek(0)
        tally.chatter += errors.read()
    return number


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str]:
    """The child's lines, until it ends or is silent for too long."""
    assert child.stdout is not None
    received, patience = b"", START_SECONDS
    # The pipe itself is read: select knows nothing of lines that wait in a buffer of Python's.
    while select.select([child.stdout], [], [], patience)[0]:
        piece = os.read(child.stdout.fileno(), 65_536)
        if not piece:
            child.wait()
            return
        *lines, received = (received + piece).split(b"\n")
        for line in lines:
            yield line.decode()
        patience = SILENCE_SECONDS


def _take(tally: Tally, line: str) -> int:
    """Take one line of the child's; returns how many cases it ended."""
    number, name, result, seconds, peak_mb = line.split("\t")
    tally.peak_mb = max(tally.peak_mb, int(peak_mb))
    if result == "ready":
        return 0
    tally.outcomes[result.partition(":")[0]] += 1
    tally.slowest = max(tally.slowest, (float(seconds), f"case {number}, {name}"))
    if float(seconds) > CASE_SECONDS:
        tally.failures.append(f"case {number} ({name}): took {seconds} s")
    if ":" in result:
        tally.failures.append(f"case {number} ({name}): {result}")
    return 1


def _child(seed: int, first: int, count: int, photos: dict[str, bytes]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    _tell(-1, "", "ready", 0.0)
    for number in range(first, first + count):
        name, data = damaged_photo(seed, number, photos)
        began = time.process_time()
        try:
            result = outcome(data)
        except BaseException as exc:  # noqa: BLE001  this is what is being looked for
            result = f"raised: {exc!r}".replace("\n", " ").replace("\t", " ")
        _tell(number, name, result, time.process_time() - began)


def _tell(number: int, name: str, result: str, seconds: float) -> None:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(number, name, result, f"{seconds:.3f}", peak_mb, sep="\t", flush=True)  # noqa: T201


def _photos(folder: Path | None) -> dict[str, bytes]:
    """The drawn photos, with all that may stand beside pixels, and those of a folder if given."""
    extra = sorted(folder.iterdir()) if folder else []
    beside = {f"{name} annotated": photo.data for name, photo in annotated().items()}
    return samples(SIZE) | beside | {path.name: path.read_bytes() for path in extra}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 if the decoder kept its promise."""
    parser = argparse.ArgumentParser(description="Hand damaged photos to the decoder.")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--photos", type=Path, help="damage the photos of this folder as well")
    parser.add_argument("--only", type=int, help="run this one case here, and show what it raises")
    parser.add_argument("--keep", type=Path, help="with --only: write the damaged photo here")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        _child(options.seed, options.first, options.count, _photos(options.photos))
        return 0
    if options.only is not None:
        name, data = damaged_photo(options.seed, options.only, _photos(options.photos))
        if options.keep:
            options.keep.write_bytes(data)
        sys.stdout.write(f"{name}, {len(data)} bytes: {outcome(data)}\n")
        return 0
    tally = fuzz(options.count, options.seed, options.first, options.photos)
    sys.stdout.write("\n".join(tally.lines()) + "\n")
    return 0 if tally.good else 1


if __name__ == "__main__":
    sys.exit(main())
