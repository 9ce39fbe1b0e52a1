"""The tables of an export, rendered into their page from the code so that it cannot drift.

python -m tools.export_tables docs/explore.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from daemon.maintenance.export_tables import TABLES, Column, Kind

BEGIN = "<!-- tables: python -m tools.export_tables docs/explore.md -->"
END = "<!-- end of tables -->"
_TYPES: dict[Kind, str] = {
    "text": "string",
    "json": "string, JSON",
    "moment": "timestamp, UTC",
    "whole": "int64",
    "number": "double",
    "truth": "boolean",
    "texts": "list of strings",
    "counts": "map of string to int64",
    "candidates": "list of {category, confidence}",
}


def tables() -> str:
    """Each table with its columns, their types, units, and what they hold."""
    return "\n".join(
        "\n".join(
            [
                f"\n### {name}.parquet\n",
                f"A row is {table.about}.\n",
                "| column | type | unit | what |",
                "|---|---|---|---|",
                *map(_row, table.columns),
                "",
            ]
        )
        for name, table in sorted(TABLES.items())
    )


def rendered(page: str) -> str:
    """The page with the tables as they are."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{tables()}{END}{tail}"


def _row(column: Column) -> str:
    return f"| `{column.name}` | {_TYPES[column.kind]} | {column.unit} | {column.about} |"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(rendered(file.read_text("utf-8")), encoding="utf-8")
