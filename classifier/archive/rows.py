"""The rows of an archive, and how they lie in Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from classifier.archive.manifest import write_whole
from classifier.verdict import Verdict
from config.errors import PhotoProblem

SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("category", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("band", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("version", pa.string(), nullable=False),
        pa.field("error", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one photo."""

    path: str  # as it was named
    sha256: str | None  # None where it could not be read
    category: str | None
    confidence: float | None
    band: str | None
    reason: str | None
    version: str  # of the model
    error: str | None  # a code of PhotoProblem, or what kept it from being filed


def judged(path: str, sha256: str, verdict: Verdict, version: str) -> Row:
    """Of a photo that has a verdict."""
    return Row(
        path, sha256, verdict.category, round(verdict.confidence, 4), verdict.band.value,
        verdict.reason and verdict.reason.value, version, None,
    )  # fmt: skip


def failed(path: str, sha256: str | None, problem: PhotoProblem, version: str) -> Row:
    """Of a photo that has none."""
    return Row(path, sha256, None, None, None, None, version, problem.value)


def write_rows(file: Path, rows: Sequence[Row]) -> None:
    """Write the rows of a part: all of them, or there is no such file."""
    table = pa.Table.from_pylist([_readable(row) for row in rows], schema=SCHEMA)
    content = BytesIO()
    pq.write_table(table, content, compression="zstd")
    write_whole(file, content.getvalue())


def read_rows(file: Path) -> list[Row]:
    """The rows of a part; bytes of a path that are no UTF-8 stay escaped."""
    return [Row(**row) for row in pq.read_table(file).to_pylist()]


def read_columns(file: Path, names: Sequence[str]) -> dict[str, list[str | None]]:
    """Some columns of a part."""
    found: dict[str, list[str | None]] = pq.read_table(file, columns=[*names]).to_pydict()
    return found


def _readable(row: Row) -> dict[str, object]:
    """As plain text: bytes of a name that are no UTF-8 are escaped, as Python escapes them."""
    return {**asdict(row), "path": row.path.encode("utf-8", "backslashreplace").decode("utf-8")}
