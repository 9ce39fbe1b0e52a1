"""Each example of docs/explore.md runs, on a night of drawn photos and a small archive."""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from classifier.archive.rows import Row, write_rows
from daemon.maintenance.export import export
from tests.support.core import running, tiny_photo
from tests.support.forgetting import ForgettingShop
from web.database import WebStore
from web.database.calls import Call
from web.folder import own_folder

PAGE = Path(__file__).parents[2] / "docs/explore.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
FRONT = tiny_photo("Shirts", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `export/`, `verdicts/` and `results/` are, which no example changes."""
    folder = tmp_path_factory.mktemp("explore")
    with running(ForgettingShop(folder)) as shop:
        shop.drop("return-60521_front.png", FRONT)
        shop.drop("return-70007_front.png", tiny_photo("review", 2))
        shop.drop("=1+1.png", tiny_photo("Tops", 3))
        shop.drop("broken.png", b"\x89PNG broken")
        shop.recover_and_drain()
        shop.corrector.correct("return-60521_front.png", "Tops", "Anna")
        with closing(WebStore.open(own_folder(shop.state))) as page:
            page.calls.add([Call(1_760_000_000.0, "/predict", 200, 41.0, 1000, "shop")])
        assert isinstance(shop, ForgettingShop)
        export(shop.settings(), folder / "export", None, shop.clock.now(), lambda *_: None)
    (folder / "verdicts").mkdir()
    write_rows(folder / "verdicts/part-0000000.parquet", archived())
    return folder


def archived() -> list[Row]:
    digest = hashlib.sha256(FRONT).hexdigest()
    filed = ("Shirts", 0.9876, "auto", None, "net 1", None)
    return [
        Row("old/a.png", digest, *filed),
        Row("old/b.png", digest, *filed),
        Row("old/c.png", None, None, None, None, None, "net 1", "corrupt"),
    ]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_example_runs_and_finds_something(
    folder: Path, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    duckdb.sql("SET autoinstall_known_extensions = false")  # nothing comes from elsewhere
    exec(compile(EXAMPLES[number], f"example {number}", "exec"), {"__name__": "example"})
    said = capsys.readouterr().out
    assert re.search(r"[1-9]", said), said
    for nothing in ("0 rows", "Empty DataFrame", "Series([]"):
        assert nothing not in said


def test_there_are_examples_of_all_that_can_be_read() -> None:
    both = "\n".join(EXAMPLES)
    for said in ("duckdb", "pandas", "export/photos", "export/corrections", "export/runs",
                 "export/api_calls", "verdicts/part-", "batch_results_"):  # fmt: skip
        assert said in both, said
    assert len(EXAMPLES) >= 10
