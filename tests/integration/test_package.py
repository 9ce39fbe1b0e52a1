"""The package's file: whole or refused, unpacked by a plain shell; its wheels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installer.build import oldest_glibc, pack
from tests.support.disks import tiny_disk
from tests.support.waiting import DEADLINE_SECONDS

ROOT = Path(__file__).parents[2]

MANIFEST = '{"version": "1.2.3", "pythons": ["3.11"]}'

# Stands for the installer, and shows what it is called with and that it lies unpacked.
INSTALLER = """
import sys
from pathlib import Path
print(sys.argv[1:], (Path(__file__).parents[3] / "manifest.json").read_text())
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    installer = tree / "share/nightsort/installer"
    installer.mkdir(parents=True)
    (installer / "__init__.py").touch()
    (installer / "__main__.py").write_text(INSTALLER)
    (tree / "manifest.json").write_text(MANIFEST)
    return tree


@pytest.fixture
def package(tree: Path, tmp_path: Path) -> Path:
    return pack(tree, tmp_path / "dist")


def sh(package: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(package), *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
        env={"PATH": "/usr/bin:/bin"} | environment,
    )


def test_the_file_unpacks_itself_and_passes_on_what_it_was_told(
    package: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "temporary files"
    folder.mkdir()
    done = sh(package, "install", "--start", TMPDIR=str(folder))
    assert (done.stdout, done.stderr) == (f"['install', '--start'] {MANIFEST}\n", "")
    assert list(folder.iterdir()) == []


def test_whatever_the_umask_the_service_can_read_what_is_installed(
    tree: Path, tmp_path: Path
) -> None:
    main = tree / "share/nightsort/installer/__main__.py"
    main.write_text("import os; print(oct(os.umask(0)), oct(os.stat('.').st_mode & 0o777))\n")
    package = pack(tree, tmp_path)
    done = subprocess.run(
        ["/bin/sh", str(package), "install"],
        umask=0o077,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("0o22 0o755\n", "")


def test_a_folder_without_room_for_it_is_told_in_words(tree: Path, tmp_path: Path) -> None:
    (tree / "wheels").mkdir()
    for number in range(20):
        (tree / f"wheels/{number}.whl").write_bytes(os.urandom(100_000))
    package = pack(tree, tmp_path)
    with tiny_disk(tmp_path / "disk", "1m") as disk:
        done = sh(package, "install", TMPDIR=str(disk))
        assert (done.returncode, done.stdout) == (1, "")
        first, last = done.stderr.splitlines()
        assert "No space left" in first
        assert f"make room there, or name another place: TMPDIR=/srv sh {package}" in last
        assert list(disk.iterdir()) == []


def test_a_reader_who_goes_away_does_not_stop_it() -> None:
    telling = "from installer.__main__ import _tell; _tell('one'); _tell('two'); print('three')"
    with subprocess.Popen(
        [sys.executable, "-c", telling],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_whole_file_says_so(package: Path) -> None:
    done = sh(package, "verify")
    assert (done.returncode, done.stderr) == (0, f"{package} is whole\n")


@pytest.mark.parametrize("damage", ["cut off", "one byte"])
def test_a_damaged_file_does_nothing(package: Path, damage: str) -> None:
    content = bytearray(package.read_bytes())
    if damage == "cut off":
        del content[-100:]
    else:
        content[-100] ^= 1
    package.write_bytes(content)
    for command in ("install", "verify"):
        done = sh(package, command)
        assert (done.returncode, done.stdout) == (1, "")
        assert "is damaged" in done.stderr


def test_its_contents_can_be_looked_at(package: Path, tmp_path: Path) -> None:
    assert sh(package, "extract", str(tmp_path / "look inside")).returncode == 0
    assert (tmp_path / "look inside/manifest.json").read_text() == MANIFEST


@pytest.mark.parametrize(
    ("pythons", "said"),
    [
        (["3.11", "3.99"], "wheels of all that is pinned for Python 3.11 and 3.99."),
        (["3.11.2"], "3.11.2 is no Python such as 3.11"),
    ],
)
def test_what_cannot_be_packed_is_told_in_words(
    tmp_path: Path, pythons: list[str], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "installer.build", "--out", str(tmp_path), "--python", *pythons],
        cwd=ROOT,
        env=os.environ | {"PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.endswith(f"{said}\n")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_same_contents_make_the_same_file(tree: Path, tmp_path: Path) -> None:
    one = pack(tree, tmp_path / "one")
    (tree / "manifest.json").touch()
    other = pack(tree, tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


def test_its_checksum_is_understood_by_sha256sum(package: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", f"{package.name}.sha256"],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_machine_without_python_is_told_what_to_install(package: Path, tmp_path: Path) -> None:
    done = sh(package, "install", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "python3 is missing" in done.stderr


def test_the_real_installer_runs_on_python_alone(tree: Path, tmp_path: Path) -> None:
    here = tree / "share/nightsort/installer"
    shutil.rmtree(here)
    shutil.copytree(ROOT / "installer", here)
    done = sh(pack(tree, tmp_path), "--help")
    assert done.returncode == 0, done.stderr
    assert "uninstall" in done.stdout


def test_the_oldest_system_is_known_from_the_names_of_the_wheels(tmp_path: Path) -> None:
    for name in (
        "one-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "two-1-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "three-1-py3-none-any.whl",
    ):
        (tmp_path / name).touch()
    assert oldest_glibc(tmp_path) == "2.27"


@pytest.mark.parametrize("script", ["header.sh", "uninstall.sh"])
def test_shellcheck_finds_nothing_wrong(script: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(
        ["shellcheck", ROOT / "installer" / script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
