"""What a run saved: in its summary, in the message of it, and elsewhere without money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.value import ValueSettings
from daemon.alerting.rules import run_finished
from daemon.domain.summaries import RunSummary, is_run, without_money
from tests.support.core import Core, tiny_photo

PAID = ValueSettings(wage_per_hour=18.0, monthly_cost=50.0)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True, value=PAID)
    yield core
    core.stop()


def a_run(core: Core) -> RunSummary:
    core.drop("odd.png", tiny_photo("review", 1))
    core.drop("sure.png", tiny_photo("Shirts", 2))
    summary = core.drain()
    assert is_run(summary)
    return summary


def worth_of(summary: Any) -> dict[str, Any]:
    return dict(summary["value"])


def test_a_summary_says_what_the_run_saved_and_all_that_this_is_made_of(core: Core) -> None:
    summary = a_run(core)
    worth = worth_of(summary)
    assert (worth["judged"], worth["reviews"], worth["looks"]) == (2, 1, 0)
    assert worth["saved_seconds"] == 2 * 30 - 46
    assert (worth["saved_money"], worth["cost"]) == (round(14 / 3600 * 18, 2), 0.0)
    assert worth["seconds"] == {"by_hand": 30.0, "review": 46.0, "check": 10.0}
    assert worth["measured"] == {}
    assert worth["assumed"] == PAID.model_dump()
    told = core.results / f"summary_{summary['run']}.json"
    assert json.loads(told.read_text(encoding="utf-8"))["value"] == worth


def test_what_decisions_took_is_in_the_summaries_after_them(core: Core) -> None:
    a_run(core)
    odd = core.store.history.stories("odd.png")[0].id
    core.store.looks.note([odd] * 40, 20_000, core.clock.now().date())
    core.clock.advance(86_400)
    core.drop("odder.png", tiny_photo("review", 3))
    worth = worth_of(core.drain())
    assert worth["measured"] == {"review": {"seconds": 20.0, "photos": 40, "weeks": 12}}
    assert worth["saved_seconds"] == 30 - 20


def test_where_nothing_was_done_nothing_was_saved(core: Core) -> None:
    worth = worth_of(core.drain())
    assert (worth["judged"], worth["saved_seconds"], worth["saved_money"]) == (0, 0.0, 0.0)


def test_a_loss_is_in_the_summary_as_one(core: Core) -> None:
    core.drop("odd.png", tiny_photo("review", 1))
    worth = worth_of(core.drain())
    assert worth["saved_seconds"] == 30 - 46
    assert worth["saved_money"] == -0.08


def test_elsewhere_nobody_learns_the_wage(core: Core) -> None:
    summary = a_run(core)
    (row,) = core.store.mirrored.rows("runs", [summary["run"]])
    assert row["summary"] == json.loads(json.dumps(without_money(summary)))
    told = json.dumps(row["summary"])
    assert '"saved_hours"' in told
    for key in ("wage_per_hour", "saved_money", "cost"):
        assert f'"{key}"' not in told


def test_elsewhere_nobody_learns_the_wage_from_the_message_of_a_run(core: Core) -> None:
    summary, now = a_run(core), core.clock.now()
    told = run_finished([summary], summary["run"], now, {"photos": 0, "oldest": None})
    assert told is not None
    core.store.alerts.keep([told])
    (row,) = core.store.mirrored.rows_after("alerts", None, 9)
    assert row["facts"]["value"] == without_money(summary)["value"]
    assert row["facts"]["run"] == summary["run"]


def test_elsewhere_nobody_learns_the_cost_of_a_shop_that_names_no_wage(tmp_path: Path) -> None:
    core = Core(tmp_path / "other", inline=True, value=ValueSettings(monthly_cost=49))
    summary = a_run(core)
    (row,) = core.store.mirrored.rows("runs", [summary["run"]])
    assert row["summary"] == json.loads(json.dumps(without_money(summary)))
    assert "monthly_cost" not in row["summary"]["value"]["assumed"]
    core.stop()
