"""The doctor that the page asks for: one look at a time, which is given up, and what stays."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.domain.corrections import Via
from daemon.domain.inspection import Examination, Examine
from daemon.domain.orders import Given, Speaker
from daemon.service.examining import Examinations, known
from daemon.store import Store
from daemon.store.facts import EXAMINATION
from tests.support.processes import Site
from tests.support.waiting import eventually

ASKED = Given(Examine(), Speaker("anna", Via.PAGE))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site.make(tmp_path)
    site.state.mkdir()
    with closing(Store(site.state)):
        yield site


def kept(site: Site) -> Examination:
    with closing(Store(site.state, reading=True)) as store:
        return known(store)


def test_a_look_that_takes_too_long_is_given_up_and_the_next_may_begin(site: Site) -> None:
    file = site.folder / "nightsort.toml"
    with closing(Examinations(site.state, file, longest_seconds=0.0)) as examinations:
        assert examinations.carry_out(ASKED).began
        eventually(lambda: kept(site).problem)
        assert "not done within" in kept(site).problem
        assert kept(site).began == ""
        assert examinations.carry_out(ASKED).began


def test_what_a_daemon_left_half_done_is_not_under_way_in_the_next(site: Site) -> None:
    with closing(Store(site.state)) as store:
        store.facts.remember(
            EXAMINATION, {"began": "2026-11-16T08:00:00+00:00", "by": "anna", "problem": "old"}
        )
    assert kept(site).began
    with closing(Examinations(site.state, None)):
        assert (kept(site).began, kept(site).problem) == ("", "old")


def test_what_another_version_kept_counts_as_nothing(site: Site) -> None:
    with closing(Store(site.state)) as store:
        store.facts.remember(EXAMINATION, {"grade": 3})
    assert kept(site) == Examination()


@pytest.mark.parametrize("answer", ['{"at": "", "grade": 3}', '["error"]'])
def test_an_answer_of_another_version_is_told_and_the_next_look_may_begin(
    site: Site, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    said = [sys.executable, "-c", f"print({answer!r})"]
    monkeypatch.setattr("daemon.service.examining.own", lambda _: said)
    with closing(Examinations(site.state, None)) as examinations:
        for _ in range(2):
            assert examinations.carry_out(ASKED).began
            eventually(lambda: not kept(site).began)
            assert "of another version" in kept(site).problem


def test_closing_ends_the_look_and_keeps_nothing_of_it(site: Site) -> None:
    examinations = Examinations(site.state, site.folder / "nightsort.toml")
    examinations.carry_out(ASKED)
    examinations.close()
    assert kept(site).problem == ""
