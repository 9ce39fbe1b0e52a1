"""Spot checks: chosen by lot once, shown, answered by a word, told; an alarm of many."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.domain.accuracy import Rate, rate_of
from daemon.folders.photo_files import Limits
from daemon.folders.tree import Tree
from daemon.reporting.periodical import Periodical
from daemon.reporting.periods import Period
from daemon.reporting.reporter import Reporter, ReportPolicy
from daemon.reporting.thumbnails import Thumbnails
from daemon.store import DATABASE
from tests.support.alerts import Box
from tests.support.browser import look_at
from tests.support.core import Core, tiny_photo

MONDAY = datetime(2025, 10, 13, 2, tzinfo=UTC)
WEEK = Period.week("2025-W42")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    core.clock.set_wall_clock(MONDAY)
    for number in range(40):
        core.drop(f"shirt {number}.png", tiny_photo("Shirts", number))
    for number in range(3):
        core.drop(f"odd {number}.png", tiny_photo("review", 100 + number))
    core.drain()
    yield core
    core.stop()


def page(core: Core, share: float = 0.1) -> str:
    """The run's page, made anew."""
    limits, tree = Limits(1_000_000, 1.0), Tree(core.sorted)
    policy = ReportPolicy(None, list, limits, spot_checks=share)
    thumbnails = Thumbnails(tree, limits, 1)
    reporter = Reporter(core.store, tree, Tree(core.results), thumbnails, policy)
    (summary,) = core.store.runs.summaries()
    return reporter.write(summary, is_newest=True)[0].read_text(encoding="utf-8")


def week(core: Core) -> str:
    teller = Periodical(core.store, Tree(core.results), core.clock, ())
    text = (core.results / teller.write(WEEK)).read_text(encoding="utf-8")
    return " ".join(text.split())


def chosen(core: Core) -> list[str]:
    run = core.store.runs.summaries()[0]["run"]
    spots = core.store.spot_checks.of_run(run)
    return [s.filename for s in core.store.history.stories_of_run(run) if s.id in spots]


def test_a_share_is_chosen_once_and_shown_whatever_is_set_or_moved_later(core: Core) -> None:
    first = page(core)
    names = chosen(core)
    assert len(names) == 4
    assert all(name.startswith("shirt ") for name in names)
    shown = first.partition('<section id="samples">')[2]
    assert all(f"<bdi>{name}</bdi>" in shown for name in names)
    core.corrector.undo(names[0], "alice")
    again = page(core, share=0.9).partition('<section id="samples">')[2]
    assert chosen(core) == names
    assert f"<bdi>{names[0]}</bdi>" not in again  # it lies there no more
    assert f"<bdi>{names[1]}</bdi>" in again


def test_without_a_share_none_is_chosen(core: Core) -> None:
    assert '<section id="samples">' not in page(core, share=0)
    assert chosen(core) == []


def test_a_right_and_a_wrong_one_are_answers_and_told_and_the_rest_is_left_alone(
    core: Core,
) -> None:
    page(core)
    right, wrong, *_ = chosen(core)
    assert "nobody has checked any of 4 yet" in week(core)
    core.corrector.correct(right, "Shirts", "alice")
    core.corrector.correct(wrong, "Tops", "bob")
    core.corrector.correct("odd 0.png", "Tops", "bob")
    core.corrector.correct("odd 1.png", "Shirts", "bob")
    other = next(n for n in (f"shirt {i}.png" for i in range(40)) if n not in chosen(core))
    core.corrector.correct(other, "Tops", "bob")
    answers = core.store.spot_checks.answers(WEEK.first, WEEK.last)
    spots = sum((rate_of(one) for one in answers if one.is_spot_check), Rate())
    assert spots == Rate(right=1, checked=2, shown=4)
    shown = page(core).partition('<section id="samples">')[2]
    assert "Shirts confirmed by alice" in shown
    assert "now Tops, by bob" in shown
    text = week(core)
    assert "<dd>50.0 % right (9.5–90.5), 2 checked, 2 left alone</dd>" in text
    assert "<dt>Guesses of what people decided</dt><dd>50.0 % right" in text
    assert "people found 1 photo in the wrong folder" in text
    assert '<th scope="row">Shirts</th><td>Tops</td><td>2</td>' in text
    assert '<th scope="row">Tops</th><td>Shirts</td><td>1</td>' in text


@pytest.mark.parametrize("width", [390, 1280])
def test_what_people_said_fits_a_phone_and_a_desk(core: Core, tmp_path: Path, width: int) -> None:
    page(core)
    for name in chosen(core)[:2]:
        core.corrector.correct(name, "Shirts", "alice")
    week(core)
    seen = look_at(core.results / f"period_report_{WEEK.name}.html", width, tmp_path)
    assert "How right it was here" in seen.text
    assert (seen.too_wide_px, seen.scripts, seen.console) == (0, 0, [])


def test_a_photo_dragged_from_one_folder_to_another_is_an_answer(core: Core) -> None:
    page(core)
    name = chosen(core)[0]
    (core.sorted / "Tops").mkdir(exist_ok=True)
    (core.sorted / "Shirts" / name).rename(core.sorted / "Tops" / name)
    assert core.corrector.notice_dragged(100) == 1
    answers = core.store.spot_checks.answers(WEEK.first, WEEK.last)
    (said,) = (one for one in answers if one.truth is not None)
    assert (said.guess, said.truth, said.is_spot_check) == ("Shirts", "Tops", True)


def test_only_the_model_in_use_and_the_last_weeks_are_judged(core: Core) -> None:
    page(core)
    (summary,) = core.store.runs.summaries()
    spots = core.store.spot_checks.newest(MONDAY.date(), summary["model"])
    assert len(spots) == 4
    assert core.store.spot_checks.newest(MONDAY.date(), "another") == []
    later = (MONDAY + timedelta(days=1)).date()
    assert core.store.spot_checks.newest(later, summary["model"]) == []


def test_a_promise_that_is_broken_is_told_and_taken_back_when_it_holds_for_a_day(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path)
    run = box.run()
    box.turns(3600.0)
    answered(box, run, photos=60, wrong=0)
    assert box.turns(3600.0) == []
    answered(box, run, photos=60, wrong=8)
    assert box.turns(600.0) == [("accuracy_below_promise", "raised")]
    facts = box.target.told[-1].facts
    assert (facts["right"], facts["checked"], facts["shown"]) == (52, 60, 60)
    answered(box, run, photos=60, wrong=0)
    assert ("accuracy_below_promise", "resolved") in box.turns(26 * 3600.0, every=600.0)


def test_what_is_promised_is_what_the_card_in_use_says_unless_a_setting_does(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path / "own")
    run = box.run()
    box.turn()
    box.document = {**box.document, "promise": 0.85}
    answered(box, run, photos=60, wrong=8)
    assert box.turns(3600.0) == []
    box.document = {**box.document, "promise": 0.98}  # a lesson's version is adopted
    assert box.turns(600.0) == [("accuracy_below_promise", "raised")]
    assert box.target.told[-1].facts["promise"] == 0.98
    chosen = Box(tmp_path / "chosen", alerts={"accuracy_promise": 0.8})
    answered(chosen, chosen.run(), photos=60, wrong=8)
    assert chosen.turns(3600.0) == [("run_finished", "told")]


def answered(box: Box, run: str, photos: int, wrong: int) -> None:
    """Let the run have so many spot checks, all answered."""
    with closing(sqlite3.connect(box.settings.state_dir / DATABASE)) as db:
        for table in ("corrections", "spot_checks", "photos"):
            db.execute(f"DELETE FROM {table}")
        for number in range(1, photos + 1):
            said = "Tops" if number <= wrong else "Shirts"
            db.execute(
                "INSERT INTO photos (id, state, path, filename, inode, size_bytes, mtime_ns,"
                " first_seen_at, run, status, category, band, model, result_number)"
                " VALUES (?, 'filed', x'61', 'a', 1, 1, 1, 'x', ?, 'success', 'Shirts', 'auto',"
                " 'model', ?)",
                (number, run, number),
            )
            db.execute("INSERT INTO spot_checks VALUES (?, ?)", (number, run))
            db.execute(
                "INSERT INTO corrections (photo, word, before, category, person, at, source,"
                " target, inode, size_bytes, mtime_ns, is_done)"
                " VALUES (?, 'checked', 'Shirts', ?, 'alice', 'x', x'61', x'61', 1, 1, 1, 1)",
                (number, said),
            )
        db.commit()
