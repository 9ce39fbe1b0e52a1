"""`python -m benchmarks`: measure all, or some parts, and write the figures.

The figures of a part replace those of its last run in results/latest.json; the others stay.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    archiving,
    auditing,
    beside,
    drift,
    growth,
    learning,
    living,
    morning,
    predicting,
    quality,
    small_box,
    speed,
)
from benchmarks.bench import Bench, Figures, machine
from benchmarks.report import table, write

RESULTS = Path(__file__).parent / "results"
_TRAIN_PYTHON = Path(".venv-train/bin/python")

PARTS: dict[str, Callable[[Bench], Figures]] = {
    "drain": speed.drain,
    "ahead": morning.ahead,
    "small": small_box.small,
    "memory": growth.memory,
    "latency": living.latency,
    "backlog": growth.backlog,
    "queue": growth.queue,
    "rescan": growth.rescan,
    "idle": living.idle,
    "start": living.start,
    "quality": quality.quality,
    "report": morning.report,
    "find": morning.find,
    "learning": learning.learning,
    "predict": predicting.predict,
    "beside": beside.beside,
    "drift": drift.drift,
    "spot_checks": drift.spot_checks,
    "audit": auditing.audit,
    "archive": archiving.archive,
}


def main() -> None:
    """Measure what the command line asks for."""
    parser = _parser()
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if not options.folder.is_dir():
        parser.error(f"--folder: {options.folder} is no folder; make it, or name another")
    keras, why = _keras_python(options.keras_python)
    with tempfile.TemporaryDirectory(prefix="nightsort-bench-", dir=options.folder) as own:
        folder = options.folder / "kept" if options.keep else Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, options.quick, keras, options.data)
        document = _measure(bench, options.parts or list(PARTS), why)
    if options.quick:
        print(table(document))
        print("Quick: far too few photos to quote; nothing was written.")
        return
    path = RESULTS / "latest.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    document = {part: (before | document)[part] for part in PARTS if part in before | document}
    write(RESULTS, document)
    print(table(document))


def _measure(bench: Bench, parts: list[str], keras_skipped: str) -> Figures:
    document: Figures = {}
    for part in parts:
        stamp = machine(bench.folder)
        print(f"{part} ...", flush=True)
        began = time.monotonic()
        figures = PARTS[part](bench)
        stamp["load_after"] = round(os.getloadavg()[0], 1)
        document[part] = {"machine": stamp, "figures": figures}
        if part == "drain" and keras_skipped:
            document[part]["keras_left_out"] = keras_skipped
        print(f"{part}: {time.monotonic() - began:.0f} s")
    return document


def _keras_python(given: Path | None) -> tuple[Path | None, str]:
    """A Python with TensorFlow, else the reason why Keras is left out."""
    python = given or _TRAIN_PYTHON
    if python.exists():
        return python.absolute(), ""
    reason = f"no TensorFlow: {python} does not exist, `make train` makes it"
    print(f"Keras is left out: {reason}.")
    return None, reason


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return Path(text).absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="few photos, one round, nothing kept")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where photos and queues are while measuring; its disk is measured too",
    )
    parser.add_argument(
        "--data", type=_folder, help="the photos that the model was trained on, for learning"
    )
    parser.add_argument("--keep", action="store_true", help="keep drawn photos in that folder")
    parser.add_argument("--keras-python", type=Path, help="a Python that has TensorFlow and Pillow")
    return parser


if __name__ == "__main__":
    main()
