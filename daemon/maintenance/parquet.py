"""Writing a table of an export as Parquet, in pieces, so that few rows are ever in memory.

pyarrow is an extra (`nightsort[archive]`), so it is imported here alone, when it is needed.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from config.errors import RefusedError
from daemon.maintenance.export_tables import Column, ExportTable, Kind
from daemon.store.mirrored import Row

if TYPE_CHECKING:
    from pyarrow import DataType, Schema

ROWS_AT_ONCE = 10_000  # some 30 MB of Python while they are made into columns


def require_pyarrow() -> None:
    """Raise RefusedError, which says how to get it, where it is missing."""
    if importlib.util.find_spec("pyarrow") is None:
        raise RefusedError(
            "pyarrow, which writes Parquet, is not installed; "
            f"{sys.executable} -m pip install pyarrow"
        )


def write_parquet(
    file: BinaryIO, table: ExportTable, rows: Iterable[Row], told: Callable[[int], None]
) -> int:
    """Write a whole table; returns how many rows it has. told: how many rows were written now."""
    import pyarrow as pa
    from pyarrow import parquet

    schema, count, remaining = schema_of(table), 0, iter(rows)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while some := list(islice(_fitting(table, remaining), ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
            count += len(some)
            told(len(some))
    return count


def schema_of(table: ExportTable) -> Schema:
    """Always the same, whatever the rows; each field says what it is about, and its unit."""
    import pyarrow as pa

    fields = [
        pa.field(column.name, _type(column.kind), metadata=_metadata(column))
        for column in table.columns
    ]
    return pa.schema(fields, metadata={"about": table.about})


def _metadata(column: Column) -> Mapping[str, str]:
    unit = {"unit": column.unit} if column.unit else {}
    return {"about": column.about, **unit}


def _type(kind: Kind) -> DataType:
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "json": pa.string(),
        "moment": pa.timestamp("us", tz="UTC"),
        "whole": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "texts": pa.list_(pa.string()),
        "counts": pa.map_(pa.string(), pa.int64()),
        "candidates": pa.list_(
            pa.struct([("category", pa.string()), ("confidence", pa.float64())])
        ),
    }
    return types[kind]


def _fitting(table: ExportTable, rows: Iterator[Row]) -> Iterator[Row]:
    makers = [(column.name, _MAKERS[column.kind]) for column in table.columns]
    for row in rows:
        yield {name: make(row.get(name)) for name, make in makers}


def _text(value: object) -> str | None:
    """Halves of characters, which no UTF-8 can hold, as they would be typed."""
    return None if value is None else str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _moment(value: object) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value else None


def _as_it_is(value: object) -> object:
    return value


def _texts(value: object) -> object:
    return [_text(one) for one in value] if isinstance(value, list) else None


def _counts(value: object) -> object:
    if not isinstance(value, dict):
        return None
    return [(_text(name), count) for name, count in value.items()]


def _candidates(value: object) -> object:
    if not isinstance(value, list):
        return None
    return [{"category": _text(one["category"]), "confidence": one["confidence"]} for one in value]


def _json(value: object) -> str | None:
    return _text(json.dumps(value, ensure_ascii=False, sort_keys=True))


_MAKERS: Mapping[Kind, Callable[[object], object]] = {
    "text": _text,
    "json": _json,
    "moment": _moment,
    "whole": _as_it_is,
    "number": _as_it_is,
    "truth": _as_it_is,
    "texts": _texts,
    "counts": _counts,
    "candidates": _candidates,
}
