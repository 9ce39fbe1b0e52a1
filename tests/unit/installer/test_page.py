"""The page in the installer: asked for or told, enabled, kept through upgrades, removed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from config.example import render
from installer.__main__ import _parser
from installer.errors import InstallError
from installer.files import rewrite
from installer.install import Installer
from installer.layout import WEB, Layout
from installer.package import Package
from installer.page import EVERYWHERE, LOOPBACK, Wish, asked, listening, wants_questions
from installer.uninstall import Uninstaller
from tests.support.machines import NotedMachine

ON = Wish(is_wanted=True)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "machine")
    layout.settings.parent.mkdir(parents=True)
    layout.settings.write_text("# ours\n")
    return layout


def answers(*given: str) -> Callable[[str], str]:
    left = iter(given)

    def ask(_question: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    return ask


# What is wanted


@pytest.mark.parametrize(
    ("given", "wish"),
    [
        ((), Wish(is_wanted=False)),
        (("",), Wish(is_wanted=False)),
        (("n",), Wish(is_wanted=False)),
        (("Y", ""), Wish(is_wanted=True, listen=LOOPBACK)),
        (("yes", "2"), Wish(is_wanted=True, listen=EVERYWHERE)),
        (("ja", "over there", "3", "10.0.0.7:99999", "10.0.0.7:8443"),
         Wish(is_wanted=True, listen="10.0.0.7:8443")),
    ],
)  # fmt: skip
def test_who_sits_there_is_asked_whether_and_where(given: tuple[str, ...], wish: Wish) -> None:
    assert asked(answers(*given), lambda _: None) == wish


@pytest.mark.parametrize(("given", "are_wanted"), [("", False), ("y", True), ("Ja", True)])
def test_who_sits_there_is_asked_whether_to_be_asked(given: str, are_wanted: bool) -> None:
    assert wants_questions(answers(given), lambda _: None) is are_wanted


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        ("install", None),
        ("install --web", ON),
        ("install --start --web 0.0.0.0:8443", Wish(is_wanted=True, listen="0.0.0.0:8443")),
        ("install --web [::]:8484", Wish(is_wanted=True, listen="[::]:8484")),
        ("install --no-web", Wish(is_wanted=False)),
        ("upgrade", Wish()),
    ],
)
def test_the_command_line_says_it_too(options: str, wish: Wish | None) -> None:
    assert _parser().parse_args(options.split()).web == wish


@pytest.mark.parametrize("options", ["install --web 8484", "install --web --no-web"])
def test_what_makes_no_sense_is_refused(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(options.split())
    assert "--web" in capsys.readouterr().err


# The settings


@pytest.mark.parametrize(
    "before",
    [
        "",
        'incoming_dir = "a"\n[alerts]\nerror_rate = 0.2\n',
        '[web]\nlanguage = "de"\n',
        '[web]\n#listen = "0.0.0.0:2"\nlisten = "127.0.0.1:1"\nhosts = []\n[api]\nat_once = 3\n',
        '[web] # the page\n  listen="127.0.0.1:1"\n',
        render(),
    ],
)
def test_only_where_it_listens_changes_in_the_settings(before: str) -> None:
    after = listening(before, "0.0.0.0:8484")
    wanted = tomllib.loads(before)
    wanted.setdefault("web", {})["listen"] = "0.0.0.0:8484"
    assert tomllib.loads(after) == wanted
    assert listening(after, "0.0.0.0:8484") == after
    comments = [line for line in before.splitlines() if line.startswith("# ")]
    assert [line for line in after.splitlines() if line.startswith("# ")] == comments


@pytest.mark.parametrize(
    "before", ['web = { language = "de" }\n', 'web.language = "de"\n', "[web\n"]
)
def test_settings_written_in_another_way_are_left_to_their_administrator(before: str) -> None:
    with pytest.raises(InstallError, match=r'by hand: \[web\] listen = "0\.0\.0\.0:8484"'):
        listening(before, "0.0.0.0:8484")


def test_a_file_that_is_rewritten_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text("before")
    file.chmod(0o640)
    rewrite(file, "after")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("after", 0o640)
    assert list(tmp_path.iterdir()) == [file]


# Installing


def test_a_page_that_is_wanted_is_enabled_and_started_where_it_shall_listen(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package, told: list[str]
) -> None:
    installer.install(one, start=True, page=Wish(is_wanted=True, listen="127.0.0.1:9000"))
    assert machine.page_up
    assert f"enable {WEB}" in machine.asked
    assert tomllib.loads(layout.settings.read_text())["web"]["listen"] == "127.0.0.1:9000"
    assert any("127.0.0.1:9000" in line for line in told)
    assert not [line for line in machine.asked if "certificate" in line]


def test_without_start_it_is_only_enabled(
    machine: NotedMachine, installer: Installer, one: Package
) -> None:
    installer.install(one, start=False, page=ON)
    assert (f"enable {WEB}" in machine.asked, machine.page_up) == (True, False)


def test_for_others_than_this_machine_it_gets_a_certificate_of_its_own(
    machine: NotedMachine, installer: Installer, one: Package, told: list[str]
) -> None:
    machine.needs_certificate = True
    installer.install(one, start=True, page=Wish(is_wanted=True, listen=EVERYWHERE))
    assert "nightsort-web: web certificate" in machine.asked
    assert any("authority.crt" in line for line in told)


@pytest.mark.parametrize("page", [Wish(), Wish(is_wanted=False)])
def test_a_page_that_nobody_wants_does_not_run(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package, page: Wish
) -> None:
    installer.install(one, start=True, page=page)
    assert (machine.up, machine.page_up) == (True, False)
    assert f"enable {WEB}" not in machine.asked
    assert layout.settings.read_text() == "# ours\n"


def test_a_page_that_does_not_start_is_told_and_takes_nothing_back(
    machine: NotedMachine, installer: Installer, one: Package, told: list[str]
) -> None:
    machine.page_is_broken = True
    installer.install(one, start=True, page=ON)
    assert machine.up
    assert "The page did not become ready: web.listen: cannot be listened on" in told


def test_settings_that_it_cannot_write_stop_it_before_anything_changes(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package
) -> None:
    layout.settings.write_text('web = { language = "de" }\n')
    with pytest.raises(InstallError, match="by hand"):
        installer.install(one, start=True, page=Wish(is_wanted=True, listen=EVERYWHERE))
    assert not layout.current.exists()
    assert not machine.up


def test_an_upgrade_keeps_it_as_it_is_and_has_a_running_page_go_along(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(one, start=True, page=Wish(is_wanted=True, listen="127.0.0.1:9000"))
    before = layout.settings.read_text()
    machine.asked.clear()
    installer.install(two, start=False)
    assert f"restart {WEB}" in machine.asked
    assert not [line for line in machine.asked if line.startswith(("enable", "disable"))]
    assert (machine.page_up, layout.settings.read_text()) == (True, before)


def test_an_upgrade_starts_no_page_that_did_not_run(
    machine: NotedMachine, installer: Installer, one: Package, two: Package
) -> None:
    installer.install(one, start=True)
    installer.install(two, start=False)
    assert (machine.up, machine.page_up) == (True, False)


def test_uninstalling_ends_it_and_says_what_it_leaves(
    layout: Layout, machine: NotedMachine, installer: Installer, one: Package, told: list[str]
) -> None:
    installer.install(one, start=True, page=ON)
    (layout.units / WEB).touch()
    own = machine.state_dir / "web"
    (own / "tls").mkdir(parents=True)
    (own / "tls/authority.crt").touch()
    (own / "web.db").touch()
    Uninstaller(layout, machine, told.append).uninstall(purge=False)
    assert not machine.page_up
    assert f"disable --now {WEB}" in machine.asked
    assert (own / "web.db").exists()
    left = "\n".join(told)
    assert f"accounts, keys and certificate are in {own}" in left
    assert "Devices trust the page's authority" in left
    assert "userdel nightsort-web; userdel nightsort" in left
