"""The tables of the mirror, rendered into their page from the code so that it cannot drift.

python -m tools.mirror_tables docs/mirror.md
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from daemon.mirror.schema import STEPS

BEGIN = "<!-- tables: python -m tools.mirror_tables docs/mirror.md -->"
END = "<!-- end of tables -->"
_TABLE = re.compile(r"CREATE TABLE nightsort\.(\w+) \((.*?)\n\);", re.DOTALL)
_COLUMN = re.compile(r"^ {4}(\w+) (\w+(?: precision)?)( .*?)?, -- (.*)$", re.MULTILINE)
_LAST = re.compile(r"^ {4}(\w+) (\w+)( [^,\n]*?)? -- (.*)$", re.MULTILINE)


def tables() -> str:
    """Each table with its columns, what they hold, and whether they may be null."""
    return "\n".join(_one(*found) for step in STEPS for found in _TABLE.findall(step))


def rendered(page: str) -> str:
    """The page with the tables as they are."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{tables()}{END}{tail}"


def _one(name: str, body: str) -> str:
    columns = sorted(
        [*_COLUMN.finditer(body), *_LAST.finditer(body)], key=lambda found: found.start()
    )
    rows = [
        f"| `{column[1]}` | {column[2]}{'' if _must(column[3]) else ', or null'} | {column[4]} |"
        for column in columns
    ]
    return "\n".join(
        [f"\n### nightsort.{name}\n", "| column | type | what |", "|---|---|---|", *rows, ""]
    )


def _must(more: str | None) -> bool:
    return "NOT NULL" in (more or "") or "PRIMARY KEY" in (more or "")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(rendered(file.read_text("utf-8")), encoding="utf-8")
