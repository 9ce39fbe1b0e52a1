"""Who dragged a photo, as far as the file server's log says so; and what nobody believes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from daemon.corrections import share_log
from daemon.corrections.share_log import ShareLog, renames_in
from daemon.health.doctor.findings import Finding, Level
from daemon.health.doctor.share_logs import of_share_log
from tests.support.core import Core, tiny_photo

SOMEBODY = "somebody on the share"
BEFORE, AFTER = "_review/Tops/odd.png", "Tshirts/odd.png"


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(tmp_path, inline=True)
    core.share_log = str(tmp_path / "log.*")
    core.restart()
    core.drop("odd.png", tiny_photo("review", 1))
    core.drain()
    yield core
    core.stop()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.smbd"


def header(at: datetime) -> str:
    return f"[{at.astimezone():%Y/%m/%d %H:%M:%S}.000042,  1] ../vfs_full_audit.c:643(do_log)\n"


def told(at: datetime, person: str, before: str, after: str) -> str:
    return f"{header(at)}  nightsort|{person}|sorted|renameat|ok|{before}|{after}\n"


def dragged(core: Core, after: str = AFTER, before: str = BEFORE) -> str:
    """The person who did that, as recorded."""
    (core.sorted / after).parent.mkdir(parents=True, exist_ok=True)
    (core.sorted / before).rename(core.sorted / after)
    core.corrector.notice_decided(10)
    (story,) = core.store.history.stories("odd.png")
    return core.store.corrections.of(story.id)[-1].person


def soon(core: Core) -> datetime:
    return core.clock.now() + timedelta(minutes=5)


@pytest.mark.parametrize("root", ["here", "/volume1/photos/sorted"])
def test_a_drag_has_the_name_that_the_server_says(core: Core, log: Path, root: str) -> None:
    root = str(core.sorted) if root == "here" else root
    log.write_text(told(soon(core), "anna", f"{root}/{BEFORE}", f"{root}/{AFTER}"))
    assert dragged(core) == "anna"


@pytest.mark.parametrize("stamp", ["%Y-%m-%dT%H:%M:%S.%f%z", "%b %d %H:%M:%S"])
def test_lines_of_a_system_log_are_read_too(core: Core, log: Path, stamp: str) -> None:
    at = datetime.now().astimezone()
    line = f"nightsort|anna|sorted|renameat|ok|{core.sorted}/{BEFORE}|{core.sorted}/{AFTER}"
    log.write_text(f"{at.strftime(stamp)} box smbd_audit[812]: {line}\n")
    assert dragged(core) == "anna"


def test_who_moved_it_last_is_named_also_by_way_of_other_folders(core: Core, log: Path) -> None:
    root, at = core.sorted, soon(core)
    log.write_text(
        told(at, "anna", f"{root}/{BEFORE}", f"{root}/new/odd.png")
        + told(at + timedelta(seconds=9), "bert", f"{root}/new", f"{root}/Tshirts")
        + told(at + timedelta(seconds=20), "carla", f"{root}/other.png", f"{root}/Tops/other.png")
    )
    assert dragged(core) == "bert"


def test_another_photo_of_that_name_before_says_nothing_of_this_one(core: Core, log: Path) -> None:
    root = core.sorted
    early = core.clock.now() - timedelta(days=3)
    log.write_text(told(early, "anna", f"{root}/{BEFORE}", f"{root}/{AFTER}"))
    assert dragged(core) == SOMEBODY


@pytest.mark.parametrize(
    "line",
    [
        "  nightsort|anna|sorted|renameat|fail (Permission denied)|{b}|{a}",
        "  nightsort|anna|sorted|unlinkat|ok|{b}|{a}",
        "  nightsort|an\x1b[31mna|sorted|renameat|ok|{b}|{a}",
        "  nightsort|nobody|sorted|renameat|ok|{b}|{a}",
        "  nightsort||sorted|renameat|ok|{b}|{a}",
        "  nightsort|anna|sorted|renameat|ok|{b}",
        "  nightsort|bert|sorted|renameat|ok|/x|/nightsort|anna|sorted|renameat|ok|{b}|{a}",
        "nightsort|anna|sorted|renameat|ok|{b}|{a}",
        "  other|anna|sorted|renameat|ok|{b}|{a}",
        "",
    ],
)
def test_what_is_no_such_line_names_nobody(core: Core, log: Path, line: str) -> None:
    text = line.format(b=core.sorted / BEFORE, a=core.sorted / AFTER)
    log.write_text(f"{header(soon(core))}{text}\n")
    assert dragged(core) == SOMEBODY


def test_a_name_with_the_end_of_a_line_in_it_forges_nobody(core: Core, log: Path) -> None:
    root, at = core.sorted, soon(core)
    forged = f"nightsort|anna|sorted|renameat|ok|{root}/{BEFORE}|{root}/{AFTER}"
    name = f"x\n{header(at)}{forged}\n{forged}\nrest"
    told_of = told(at, "mallory", f"{root}/{name}", f"{root}/moved.png")
    # Samba indents each further line of what it says.
    first, said = told_of.split("\n", 1)
    log.write_text(f"{first}\n" + said.rstrip("\n").replace("\n", "\n  ") + "\n")
    assert f"\n  {forged}\n" in log.read_text()
    assert dragged(core) == SOMEBODY


def test_what_another_part_of_the_server_says_names_nobody(core: Core, log: Path) -> None:
    line = told(soon(core), "anna", f"{core.sorted}/{BEFORE}", f"{core.sorted}/{AFTER}")
    log.write_text(line.replace("vfs_full_audit.c:643(do_log)", "smb2_create.c:12(smbd_open)"))
    assert dragged(core) == SOMEBODY


def test_a_log_that_was_rotated_meanwhile_is_read_on(core: Core, log: Path) -> None:
    log.with_name("log.smbd.old").write_text(
        told(soon(core), "anna", f"{core.sorted}/{BEFORE}", f"{core.sorted}/{AFTER}")
    )
    log.write_text("")
    assert dragged(core) == "anna"


def test_only_the_end_of_a_huge_log_is_read(
    core: Core, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_log, "_MOST_BYTES", 2000)
    line = told(soon(core), "anna", f"{core.sorted}/{BEFORE}", f"{core.sorted}/{AFTER}")
    log.write_text(line + "x" * 4000 + "\n")
    assert dragged(core) == SOMEBODY
    back = told(soon(core), "bert", f"{core.sorted}/{AFTER}", f"{core.sorted}/Tops/odd.png")
    log.write_text("x" * 4000 + "\n" + back)
    (core.sorted / "Tops").mkdir(exist_ok=True)
    (core.sorted / AFTER).rename(core.sorted / "Tops/odd.png")
    core.corrector.notice_dragged(10)
    (story,) = core.store.history.stories("odd.png")
    assert core.store.corrections.of(story.id)[-1].person == "bert"


def test_of_many_huge_logs_the_newest_are_read(
    core: Core, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_log, "_MOST_BYTES_IN_ALL", 2000)
    older = log.with_name("log.smbd.old")
    older.write_text(told(soon(core), "anna", f"{core.sorted}/{BEFORE}", f"{core.sorted}/{AFTER}"))
    os.utime(older, (1, 1))
    log.write_text("x\n" * 2000)
    assert dragged(core) == SOMEBODY
    log.write_text("")
    assert len([*share_log.read_all(share_log.newest_files(str(log)))]) == 1


@pytest.mark.parametrize("kind", ["nothing", "folder", "fifo", "dangling", "secret"])
def test_a_log_that_cannot_be_read_is_told_once_and_stops_nothing(
    core: Core, log: Path, kind: str
) -> None:
    match kind:
        case "folder":
            log.mkdir()
        case "fifo":
            os.mkfifo(log)
        case "dangling":
            log.symlink_to("nowhere")
        case "secret":
            core.share_log = "/proc/1/root/\N{LATIN SMALL LETTER E WITH ACUTE}/log"
            core.restart()
    with capture_logs() as events:
        assert dragged(core) == SOMEBODY
        assert dragged(core, "Tops/odd.png", AFTER) == SOMEBODY
    told_of = [one for one in events if one["event"] == "share_log_unreadable"]
    assert len(told_of) == 1
    assert told_of[0]["log_level"] == "warning"


def findings(pattern: Path) -> list[Finding]:
    return [*of_share_log(str(pattern))]


def test_the_doctor_says_whether_it_can_be_read_and_tells_anything(log: Path) -> None:
    assert [*of_share_log(None)] == []
    (missing,) = findings(log)
    assert (missing.level, str(log) in missing.text) == (Level.ADVICE, True)
    log.write_text("smbd version 4.17 started.\n")
    (silent,) = findings(log)
    assert "tells of no file that was moved" in silent.text
    log.write_text(told(datetime.now().astimezone(), "anna", "/a", "/b"))
    (good,) = findings(log)
    assert good.level is Level.OK


@given(
    st.text(st.sampled_from("nightsort|renameat ok/[]:0123456789T-\n Jan\udcff\x00é"), max_size=300)
)
def test_no_text_upsets_it(text: str) -> None:
    for one in renames_in(text):
        assert "|" not in one.person + one.before + one.after
    at = datetime.now().astimezone()
    assert ShareLog(None, "/srv").mover("a", "b", at) is None
