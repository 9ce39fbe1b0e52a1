"""`nightsort setup`: asks on a terminal, takes a file of answers, and keeps what was there."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.processes import Site, clean_environment, command
from tests.support.waiting import DEADLINE_SECONDS

INTERRUPT = "\x03"  # Ctrl-C


def answers(folder: Path, **more: str) -> Path:
    keys = "".join(
        f'{k}_dir = "{folder}/{k}"\n' for k in ("incoming", "sorted", "results", "state")
    )
    file = folder / "answers.toml"
    file.write_text(keys + "".join(f"{text}\n" for text in more.values()), encoding="utf-8")
    return file


def settings_in(site: Site) -> dict[str, object]:
    return tomllib.loads((site.folder / "nightsort.toml").read_text(encoding="utf-8"))


def test_a_file_of_answers_becomes_settings_with_comments_and_is_tried(tmp_path: Path) -> None:
    site = Site(tmp_path)
    file = answers(
        tmp_path,
        window='[window]\nmode = "manual"',
        value="[value]\nwage_per_hour = 18",
        links=r"[links]" + "\n" + r"incoming = '\\box\incoming'",
        contact='[contact]\nname = "IT desk"',
    )
    done = site.nightsort("setup", "--answers", str(file), "--make-folders")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Written: {tmp_path}/nightsort.toml." in done.stdout
    text = (tmp_path / "nightsort.toml").read_text(encoding="utf-8")
    assert '\nmode = "manual"\n' in text
    assert settings_in(site)["links"] == {"incoming": r"\\box\incoming"}
    assert "# Local time at which the window opens." in text
    assert '\n#start = "02:00"\n' in text
    assert all((tmp_path / name).is_dir() for name in ("incoming", "sorted", "results", "state"))
    assert (tmp_path / "nightsort.toml").stat().st_mode & 0o777 == 0o640
    assert site.nightsort("now").returncode == 0


def test_what_was_there_is_kept_beside_and_its_other_keys_hold(tmp_path: Path) -> None:
    site = Site.make(tmp_path, settings="[retention]\nreports_days = 90\n")
    for name in ("sorted", "results", "state"):
        (tmp_path / name).mkdir()
    before = (tmp_path / "nightsort.toml").read_bytes()
    (tmp_path / "nightsort.toml").chmod(0o600)
    file = tmp_path / "answers.toml"
    file.write_text('[value]\ncurrency = "CHF"\n', encoding="utf-8")
    done = site.nightsort("setup", "--answers", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = tmp_path.glob("nightsort.toml.*.bak")
    assert kept.name in done.stdout
    assert kept.read_bytes() == before
    assert {path.stat().st_mode & 0o777 for path in (kept, tmp_path / "nightsort.toml")} == {0o600}
    after = settings_in(site)
    assert (after["retention"], after["value"]) == ({"reports_days": 90}, {"currency": "CHF"})
    again = site.nightsort("setup", "--answers", str(file))
    assert "says so already" in again.stdout
    assert len([*tmp_path.glob("nightsort.toml.*.bak")]) == 1


def test_json_of_it_is_one_document_and_people_are_told_beside_it(tmp_path: Path) -> None:
    site, file = Site(tmp_path), answers(tmp_path)
    done = site.nightsort("setup", "--answers", str(file), "--make-folders", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["settings"] == f"{tmp_path}/nightsort.toml"
    assert (document["written"], document["kept"]) == (True, None)
    assert {"level", "subject", "text", "remedy"} == document["findings"][0].keys()
    assert "Written: " in done.stderr
    again = json.loads(site.nightsort("setup", "--answers", str(file), "--json").stdout)
    assert (again["written"], again["kept"]) == (False, None)


def test_json_of_what_is_wrong_exits_with_1(tmp_path: Path) -> None:
    site = Site(tmp_path)
    done = site.nightsort("setup", "--answers", str(answers(tmp_path)), "--json")
    assert done.returncode == 1, done.stdout + done.stderr  # folders are not there
    assert "wrong" in {one["level"] for one in json.loads(done.stdout)["findings"]}


def test_without_a_terminal_or_with_wrong_answers_nothing_is_written(tmp_path: Path) -> None:
    site = Site(tmp_path)
    done = site.nightsort("setup")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no terminal to ask on; give --answers FILE" in done.stderr
    file = answers(tmp_path, window='[window]\nstart = "25:00"', value="[value]\nwages = 18")
    done = site.nightsort("setup", "--answers", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert "window.start" in done.stderr
    assert "value.wages" in done.stderr
    assert not (tmp_path / "nightsort.toml").exists()


def test_a_person_on_a_terminal_is_asked_and_shown_what_will_not_do(tmp_path: Path) -> None:
    typed = [
        *(f"{tmp_path}/{name}" for name in ("incoming", "sorted", "results", "state")),
        "never",  # no mode
        "manual",
        "",  # time zone
        "english",  # no language
        "de",
        r"\\box\incoming", "", "",  # addresses
        "IT desk", "", "it@example.com",  # whom people ask
        "",  # wage
        "n",  # mail
        "n",  # places
        "y",  # write it
        "y",  # make the folders
    ]  # fmt: skip
    said, code = on_a_terminal(tmp_path, "\n".join(typed) + "\n")
    assert code == 0, said
    assert "The watched folder into which staff drop photos." in said
    assert "window.mode (answer)" in said
    assert "Traceback" not in said
    made = tomllib.loads((tmp_path / "nightsort.toml").read_text(encoding="utf-8"))
    assert made["incoming_dir"] == f"{tmp_path}/incoming"
    assert made["window"] == {"mode": "manual"}
    assert (made["reports"], made["web"]) == ({"language": "de"}, {"language": "de"})
    assert made["links"] == {"incoming": r"\\box\incoming"}
    assert made["contact"] == {"name": "IT desk", "email": "it@example.com"}
    assert (tmp_path / "state").is_dir()


def test_settings_that_cannot_be_written_are_told_from_ones_with_something_wrong(
    tmp_path: Path,
) -> None:
    """The installer goes on after the second."""
    site = Site(tmp_path)
    file = answers(tmp_path)
    (tmp_path / ".nightsort.toml.part").mkdir()
    done = site.nightsort("setup", "--answers", str(file))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert not (tmp_path / "nightsort.toml").exists()
    (tmp_path / ".nightsort.toml.part").rmdir()
    wrong = site.nightsort("setup", "--answers", str(file))  # the folders are not there
    assert wrong.returncode == 1, wrong.stdout
    assert (tmp_path / "nightsort.toml").exists()


@pytest.mark.parametrize(("broken", "expected"), [("_text", 2), ("_write", 2), ("_try", 1)])
def test_a_defect_before_anything_was_written_is_told_from_one_after(
    tmp_path: Path, broken: str, expected: int
) -> None:
    code = (
        "import daemon.cli.setup as setup\nfrom daemon.cli.main import main\n"
        f"setup.{broken} = lambda *_, **__: 1 / 0\nmain()"
    )
    asking = Site(tmp_path).asking("setup", "--answers", str(answers(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", code, *asking],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stderr
    assert "unexpected ZeroDivisionError" in done.stderr
    assert (tmp_path / "nightsort.toml").exists() is (expected == 1)
    Path(done.stderr.split()[-1]).unlink()  # what is to be reported


def test_settings_that_the_environment_spoils_are_written_all_the_same(tmp_path: Path) -> None:
    site = Site(tmp_path)
    process = site.start(
        "setup", "--answers", str(answers(tmp_path)), extra_environment={"NIGHTSORT_HATS": "1"}
    )
    _, said = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 1, said
    assert "NIGHTSORT_HATS" in said
    assert (tmp_path / "nightsort.toml").exists()


def test_who_leaves_in_the_middle_has_changed_nothing(tmp_path: Path) -> None:
    said, code = on_a_terminal(tmp_path, f"{tmp_path}/incoming\n{INTERRUPT}")
    assert code == 130, said
    assert not (tmp_path / "nightsort.toml").exists()


def on_a_terminal(folder: Path, typed: str) -> tuple[str, int]:
    """What is said there, and the exit code. A line is typed whenever a question is asked.

    Ctrl-C is pressed again while nothing comes of it, as a person would: between Python's prompt
    and its read, it does not end the read.
    """
    lines = iter(typed.splitlines(keepends=True))
    line = ""
    arguments = command("--config", str(folder / "nightsort.toml"), "setup")
    process, terminal = pty.fork()
    if process == 0:
        os.execve(arguments[0], arguments, clean_environment())
    said, asked = b"", 0
    with suppress(OSError):  # it has ended
        while True:
            while not select.select([terminal], [], [], 2.0)[0]:
                if line == INTERRUPT:
                    os.write(terminal, line.encode())
            said += os.read(terminal, 4096)
            if said.endswith(b": ") and len(said) > asked:
                line = next(lines, "")
                os.write(terminal, line.encode())
                asked = len(said)
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return said.decode(errors="replace"), os.waitstatus_to_exitcode(status)
