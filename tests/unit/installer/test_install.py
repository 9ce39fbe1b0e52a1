"""Install, upgrade, uninstall: on a folder that stands for the machine, with its manager noted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from installer.errors import InstallError
from installer.files import point
from installer.install import Answers, Installer
from installer.layout import SERVICE, Layout
from installer.package import Package, order
from installer.uninstall import Uninstaller, require_purgeable
from installer.versions import Versions
from tests.support.machines import NotedMachine, package_of


@pytest.fixture
def uninstaller(layout: Layout, machine: NotedMachine, told: list[str]) -> Uninstaller:
    return Uninstaller(layout, machine, told.append)


def current(layout: Layout, machine: NotedMachine) -> str:
    package = Versions(layout, machine).current
    assert package is not None
    return package.version


def write_database(machine: NotedMachine, schema: int, word: str) -> None:
    machine.state_dir.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(machine.state_dir / "nightsort.db")) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS words (word TEXT)")
        db.execute("DELETE FROM words")
        db.execute("INSERT INTO words VALUES (?)", (word,))
        db.execute(f"PRAGMA user_version = {schema}")


def word_in_database(machine: NotedMachine) -> str:
    with closing(sqlite3.connect(machine.state_dir / "nightsort.db")) as db:
        return str(db.execute("SELECT word FROM words").fetchone()[0])


# Install


def test_a_fresh_machine_gets_everything_and_the_service_waits_to_be_started(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    installer.install(one, start=False)
    assert current(layout, machine) == "1.0.0"
    assert layout.settings.read_text() == "nightsort.example.toml of 1.0.0\n"
    assert layout.settings.stat().st_mode & 0o777 == 0o640
    assert (layout.photos / "incoming").stat().st_mode & 0o7777 == 0o2770
    assert (layout.units / SERVICE).read_text() == "systemd/nightsort.service of 1.0.0\n"
    assert (layout.root / "usr/local/bin/nightsort").resolve().name == "nightsort"
    assert f"enable {SERVICE} nightsort-check.timer" in machine.asked
    assert not machine.up


def test_who_sits_there_is_asked_before_anything_is_read_or_started(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    installer.install(one, start=True, answers=Answers(are_asked_for=True))
    assert machine.asked.index("nightsort setup") < machine.asked.index(f"start {SERVICE}")
    assert layout.settings.read_text() == "# answered\n"
    assert not layout.photos.exists()  # folders are those of the answers
    installer.install(one, start=True, answers=Answers(are_asked_for=True))
    assert machine.asked.count("nightsort setup") == 1  # they are somebody's now


def test_who_answers_no_question_gets_the_example(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    machine.setup_code = 130  # Ctrl-C
    installer.install(one, start=False, answers=Answers(are_asked_for=True))
    assert layout.settings.read_text() == "nightsort.example.toml of 1.0.0\n"
    assert (layout.photos / "incoming").is_dir()


def test_settings_are_written_from_a_file_of_answers_that_is_accepted(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    answers = Answers(Path("/root/answers.toml"))
    machine.setup_code = 2
    with pytest.raises(InstallError, match=r"^/root/answers\.toml: correct it and try again"):
        installer.install(one, start=True, answers=answers)
    assert not machine.is_up(SERVICE)
    machine.setup_code = 0
    installer.install(one, start=True, answers=answers)
    asked = "nightsort setup --answers /root/answers.toml --make-folders"
    assert machine.asked.count(asked) == 2
    assert machine.is_up(SERVICE)
    assert layout.settings.read_text() == "# answered\n"


def test_with_start_the_service_runs_afterwards(
    machine: NotedMachine, installer: Installer, one: Package
) -> None:
    installer.install(one, start=True)
    assert machine.up
    assert "start nightsort-check.timer" in machine.asked


def test_installing_again_changes_nothing_that_people_own(
    layout: Layout, installer: Installer, one: Package
) -> None:
    installer.install(one, start=True)
    layout.settings.write_text("ours")
    photo = layout.photos / "incoming/photo.jpg"
    photo.write_bytes(b"photo")
    (layout.photos / "incoming").chmod(0o2775)
    installer.install(one, start=True)
    assert layout.settings.read_text() == "ours"
    assert photo.read_bytes() == b"photo"
    assert (layout.photos / "incoming").stat().st_mode & 0o7777 == 0o2775


def test_folders_of_own_settings_are_never_made(
    layout: Layout, installer: Installer, one: Package
) -> None:
    layout.settings.parent.mkdir(parents=True)
    layout.settings.write_text("ours")
    installer.install(one, start=False)
    assert not layout.photos.exists()


def test_a_build_that_was_interrupted_is_made_anew(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    half = layout.versions / one.name / "half"
    half.mkdir(parents=True)
    installer.install(one, start=False)
    assert not half.exists()
    assert current(layout, machine) == "1.0.0"


def test_a_disk_that_gets_full_while_building_is_emptied_again(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    machine.is_disk_full = True
    with pytest.raises(InstallError, match="No space left"):
        installer.install(one, start=False)
    assert list(layout.versions.iterdir()) == []


def test_a_disk_without_room_is_left_alone(
    layout: Layout, installer: Installer, one: Package
) -> None:
    free = shutil.disk_usage(one.folder).free
    with (one.wheels / "huge-1-py3-none-any.whl").open("wb") as wheel:
        wheel.truncate(free // 2)
    with pytest.raises(InstallError, match=r"MB free.* MB are needed.* nothing was changed"):
        installer.install(one, start=False)
    assert list(layout.versions.iterdir()) == []
    assert not layout.settings.exists()


def test_a_service_that_does_not_start_is_told_with_its_reason(
    machine: NotedMachine, installer: Installer, one: Package, told: list[str]
) -> None:
    machine.broken = {"1.0.0"}
    with pytest.raises(InstallError, match="does not run"):
        installer.install(one, start=True)
    assert told[-1] == "the service did not become ready: model_dir: no bundle there"


def test_a_command_of_somebody_else_is_not_replaced(layout: Layout, tmp_path: Path) -> None:
    theirs = tmp_path / "nightsort"
    theirs.write_text("theirs")
    with pytest.raises(InstallError, match="move it away"):
        point(theirs, layout.command)
    assert theirs.read_text() == "theirs"


# Upgrade


def test_an_upgrade_stops_switches_and_starts_and_keeps_the_settings(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(one, start=True)
    layout.settings.write_text("ours")
    machine.asked.clear()
    installer.install(two, start=False)
    assert machine.asked[0].startswith("stop")
    assert machine.asked[-2:] == [f"start {SERVICE}", "start nightsort-check.timer"]
    assert not [line for line in machine.asked if line.startswith("enable")]
    assert current(layout, machine) == "2.0.0"
    assert layout.settings.read_text() == "ours"
    assert (layout.units / SERVICE).read_text() == "systemd/nightsort.service of 2.0.0\n"


def test_a_service_that_was_stopped_stays_so_through_an_upgrade(
    machine: NotedMachine, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(one, start=False)
    installer.install(two, start=False)
    assert not machine.up


def test_only_the_version_before_is_kept_beside_the_one_in_use(
    layout: Layout, installer: Installer, one: Package, two: Package, tmp_path: Path
) -> None:
    for package in (one, two, package_of(tmp_path / "three", "3.0.0", schema=3)):
        installer.install(package, start=True)
    names = sorted(path.name.partition("-")[0] for path in layout.versions.iterdir())
    assert names == ["2.0.0", "3.0.0"]


def test_a_version_that_does_not_start_is_taken_back_with_its_database(
    layout: Layout,
    machine: NotedMachine,
    installer: Installer,
    one: Package,
    two: Package,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installer.install(one, start=True)
    write_database(machine, 1, "before")
    start = machine.becomes_ready

    def migrates_and_fails(unit: str) -> bool:
        if current(layout, machine) == "2.0.0":
            write_database(machine, 2, "migrated")
        return start(unit)

    monkeypatch.setattr(machine, "becomes_ready", migrates_and_fails)
    machine.broken = {"2.0.0"}
    with pytest.raises(InstallError, match=r"1\.0\.0 runs again"):
        installer.install(two, start=False)
    assert current(layout, machine) == "1.0.0"
    assert machine.up
    assert (layout.units / SERVICE).read_text() == "systemd/nightsort.service of 1.0.0\n"
    assert word_in_database(machine) == "before"
    assert not (machine.state_dir / "nightsort.db.before-upgrade").exists()
    assert [path.name for path in layout.versions.iterdir()] == [one.name]


def test_a_database_that_was_not_migrated_is_not_taken_back(
    machine: NotedMachine, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(one, start=True)
    write_database(machine, 1, "before")
    machine.broken = {"2.0.0"}
    with pytest.raises(InstallError):
        installer.install(two, start=False)
    assert word_in_database(machine) == "before"


def test_wrong_settings_refuse_an_upgrade_while_the_old_version_runs_on(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(one, start=True)
    machine.asked.clear()
    machine.wrong_settings = "window.mode: must be one of window, continuous, manual"
    with pytest.raises(InstallError, match=r"window\.mode[^\n]*\n.*nothing was changed"):
        installer.install(two, start=False)
    assert current(layout, machine) == "1.0.0"
    assert machine.asked == []


def test_an_older_version_is_refused(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(two, start=True)
    with pytest.raises(InstallError, match=r"1\.0\.0 is older"):
        installer.install(one, start=True)
    assert current(layout, machine) == "2.0.0"


def test_a_newer_version_is_recognised_whatever_more_it_says_of_itself(
    layout: Layout, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(two, start=True)
    manifest = layout.current / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"more": "to come"}))
    with pytest.raises(InstallError, match=r"1\.0\.0 is older"):
        installer.install(one, start=True)


def test_a_version_that_does_not_start_when_installed_again_stays(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    installer.install(one, start=True)
    machine.broken = {"1.0.0"}
    with pytest.raises(InstallError):
        installer.install(one, start=False)
    assert current(layout, machine) == "1.0.0"


def test_a_database_of_a_newer_version_is_refused_after_an_uninstall(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    write_database(machine, 2, "newer")
    with pytest.raises(InstallError, match="written by a newer nightsort"):
        installer.install(one, start=True)
    assert not layout.current.exists()
    assert word_in_database(machine) == "newer"


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0.1.0", "0.2.0"), ("0.9.0", "0.10.0"), ("1.0.0rc1", "1.0.0"), ("1.0a2", "1.0rc1")],
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert order(older) < order(newer)
    assert order("1.0") == order("1.0.0")


# Does it fit?


class OtherMachine(NotedMachine):
    python = "3.13"


def test_a_machine_with_another_python_is_told_how_to_make_a_package_for_it(
    layout: Layout, one: Package
) -> None:
    with pytest.raises(InstallError, match=r"Python 3\.11.* make package PYTHONS=3\.13"):
        one.require_fit(OtherMachine(layout))


# Uninstall


def test_uninstalling_removes_the_program_and_nothing_that_people_own(
    layout: Layout,
    machine: NotedMachine,
    installer: Installer,
    uninstaller: Uninstaller,
    one: Package,
    told: list[str],
) -> None:
    installer.install(one, start=True)
    write_database(machine, 1, "history")
    photo = layout.photos / "sorted/photo.jpg"
    photo.write_bytes(b"photo")
    uninstaller.uninstall(purge=False)
    assert not machine.up
    left = {str(path.relative_to(layout.root)) for path in layout.root.rglob("*") if path.is_file()}
    assert left == {
        "etc/nightsort/nightsort.toml",
        "srv/nightsort/sorted/photo.jpg",
        "var/lib/nightsort/nightsort.db",
    }
    assert any(str(machine.state_dir) in line for line in told)


def test_where_nothing_is_installed_nothing_is_uninstalled(
    machine: NotedMachine, uninstaller: Uninstaller, told: list[str]
) -> None:
    with pytest.raises(InstallError, match="not installed here"):
        uninstaller.uninstall(purge=False)
    assert (machine.asked, told) == ([], [])


def test_what_the_administrator_added_to_the_unit_stays(
    layout: Layout, installer: Installer, uninstaller: Uninstaller, one: Package
) -> None:
    installer.install(one, start=True)
    for drop_in in layout.drop_ins:
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.touch()
    theirs = layout.drop_ins[0].with_name("override.conf")
    theirs.touch()
    uninstaller.uninstall(purge=False)
    left = [path for path in layout.units.rglob("*") if path.is_file()]
    assert left == [theirs]


def test_purging_removes_settings_and_state_and_never_photos(
    layout: Layout,
    machine: NotedMachine,
    installer: Installer,
    uninstaller: Uninstaller,
    one: Package,
) -> None:
    installer.install(one, start=True)
    write_database(machine, 1, "history")
    photo = layout.photos / "sorted/photo.jpg"
    photo.write_bytes(b"photo")
    uninstaller.uninstall(purge=True)
    assert not machine.state_dir.exists()
    assert not layout.settings.exists()
    assert photo.exists()


def test_purging_is_refused_where_photos_lie_in_the_state_folder() -> None:
    known = {key: Path("/data") / key for key in ("incoming_dir", "sorted_dir", "results_dir")}
    with pytest.raises(InstallError, match="lies in state_dir"):
        require_purgeable(known | {"state_dir": Path("/data")})
    with pytest.raises(InstallError, match="cannot be read"):
        require_purgeable({})


def test_a_state_folder_that_is_not_nightsorts_alone_is_never_purged(
    machine: NotedMachine, installer: Installer, uninstaller: Uninstaller, one: Package
) -> None:
    installer.install(one, start=True)
    write_database(machine, 1, "history")
    machine.is_state_shared = True
    with pytest.raises(InstallError, match="may hold more"):
        uninstaller.uninstall(purge=True)
    assert machine.up
    assert word_in_database(machine) == "history"


def test_purging_that_is_refused_changes_nothing(
    layout: Layout,
    machine: NotedMachine,
    installer: Installer,
    uninstaller: Uninstaller,
    one: Package,
) -> None:
    installer.install(one, start=True)
    machine.wrong_settings = "broken"
    with pytest.raises(InstallError):
        uninstaller.uninstall(purge=True)
    assert machine.up
    assert current(layout, machine) == "1.0.0"
