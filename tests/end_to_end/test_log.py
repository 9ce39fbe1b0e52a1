"""The log of a real night: short lines, ids, priorities, and the commands that read it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.photos import photo_bytes, write_photo
from tests.support.processes import Site
from tests.support.samba import need
from tests.support.waiting import DEADLINE_SECONDS, eventually

DOCUMENT = Path(__file__).parents[2] / "docs" / "log-events.md"
PRIORITY = {"info": 6, "warning": 4, "error": 3, "critical": 2}
LONGEST_BYTES = 4095
# Which events of such a night deserve a look.
DESERVE_A_LOOK = {"photo_quarantined", "share_unavailable"}
HOSTILE = (
    "line\nbreak.jpg", "\x1b[31mred.jpg", "quote\"; rm -rf .jpg", "\u202eover.jpg",
    "\udcff\udcfe.jpg", "ä" * 120 + ".jpg", "<2>high.jpg", "-rf.jpg", "{{name}}.jpg",
)  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What journald would hold after a night with everything in it."""
    # So sure is the model never: whatever it says, a person has to decide.
    bands = "[bands]\nauto = 1.0\nreview = 1.0\n"
    folder = tmp_path_factory.mktemp("night") / "site"
    site = Site.make(folder, mode="continuous", settings=bands)
    photo = write_photo(site.incoming / "return-60521_front.jpg", seed=1)
    (site.incoming / "twin.jpg").write_bytes(photo.read_bytes())
    (site.incoming / "return-60651_front.jpg").write_bytes(b"no photo at all" * 100)
    for number, name in enumerate(HOSTILE):
        (site.incoming / name).write_bytes(photo_bytes("JPEG", seed=10 + number))
    with site.daemon():
        eventually(lambda: len(site.growing_rows()) == 3 + len(HOSTILE), within_s=DEADLINE_SECONDS)
        site.sorted.rename(site.folder / "elsewhere")
        eventually(lambda: _has(site, "share_unavailable"), within_s=DEADLINE_SECONDS)
        (site.folder / "elsewhere").rename(site.sorted)
        eventually(lambda: _has(site, "share_available"), within_s=DEADLINE_SECONDS)
        assert site.nightsort("now").returncode == 0  # closes the run
    return site.folder / "daemon.log"


def _has(site: Site, event: str) -> bool:
    return any(line["event"] == event for line in site.events())


def lines(log: Path) -> Iterator[tuple[int, dict[str, object]]]:
    """Each line's priority and fields."""
    for line in log.read_bytes().splitlines():
        found = re.fullmatch(rb"<(\d)>(\{.*\})", line)
        assert found, line
        yield int(found[1]), json.loads(found[2])


def test_every_line_is_short_and_has_the_priority_of_its_level(log: Path) -> None:
    assert max(map(len, log.read_bytes().splitlines())) <= LONGEST_BYTES
    for priority, fields in lines(log):
        assert priority == PRIORITY[str(fields["level"])]
    grave = {fields["event"] for priority, fields in lines(log) if priority <= PRIORITY["warning"]}
    assert grave == DESERVE_A_LOOK


def test_every_line_about_a_photo_names_run_photo_and_file(log: Path) -> None:
    told = [fields for _, fields in lines(log) if str(fields["event"]).startswith("photo_")]
    assert len(told) == 3 + len(HOSTILE)
    (run,) = {fields["run"] for fields in told}
    assert re.fullmatch(r"\d{8}_\d{6}(_\d+)?", str(run))
    assert {type(fields["photo"]) for fields in told} == {int}
    assert len({fields["photo"] for fields in told}) == len(told)
    names = {fields["name"] for fields in told}
    assert {"line\nbreak.jpg", "\\xff\\xfe.jpg", "<2>high.jpg"} <= names


def documented() -> list[str]:
    """The jq programs of the document, each with its options."""
    return re.findall(r"^ {4}journalctl .*? \| (jq .*)$", DOCUMENT.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", documented())
def test_the_documented_command_answers(log: Path, command: str) -> None:
    need("jq")
    text = re.sub(r"^<\d>", "", log.read_text(encoding="ascii"), flags=re.MULTILINE)
    run = re.search(r'"run": "([0-9_]+)"', text)
    assert run
    done = subprocess.run(
        shlex.split(command.replace("20251013_020000", run[1])),
        input=text,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    expected = EXPECTED[documented().index(command)]
    assert re.search(expected, done.stdout, re.MULTILINE), done.stdout


# What each answer holds, in the order of the document.
EXPECTED = (
    r"^\d\d:\d\d:\d\d share_unavailable sorted_dir",
    r"^\d{8}_\d{6}: 12 photos, 1 in quarantine, 0 left, \d+(\.\d)? a second$",
    "^not a photo, ",
    '"event":"photo_filed"',
    "^1 photo_quarantined$",
    r"^quote\"; rm -rf \.jpg: [A-Z]\w+\? \w",
    r"^\d+ [A-Z]\w+$",
    r"^\S+ share_available sorted ",
    "^1 photo_quarantined, the last: not a photo, ",
)
