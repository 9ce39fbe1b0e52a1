"""Makes the package: one file that installs nightsort where there is no internet.

A shell script that unpacks what follows it. A .deb would need a machine's package manager to be
well, and its Python to have no packages of its own; this needs sh, tar, sha256sum and Python.
    python -m installer.build --out dist --python 3.11
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from installer.bill import bill
from installer.package import MANIFEST

ROOT = Path(__file__).resolve().parents[1]
# Installs the wheels there, run from its own wheel.
PIP = "pip==26.1"
PROCESSOR = "x86_64"
# Debian 12's C library; wheels for an older one run there too.
_NEWEST_GLIBC = 36
BILL = "sbom.cdx.json"
_HERE_ONLY = ("build.py", "bill.py", "header.sh", "uninstall.sh")
_DOCUMENTS = ("docs", "README.md", "CHANGELOG.md", "LICENSE")
_UNITS = ("nightsort*.service", "nightsort*.timer")


def build(source: Path, out: Path, pythons: Sequence[str], extras: Sequence[str] = ()) -> Path:
    """Make the package of the repository at `source` in `out`; returns the file.

    extras: what is left out unless it is named here.
    """
    with tempfile.TemporaryDirectory(prefix="nightsort-package-") as folder:
        tree = Path(folder)
        download(source, tree, pythons, extras)
        fill(source, tree, pythons, extras)
        return pack(tree, out)


def pack(tree: Path, out: Path) -> Path:
    """Make one file in `out` of what is in `tree`; returns it."""
    said = json.loads((tree / MANIFEST).read_text(encoding="utf-8"))
    version, pythons = said["version"], said["pythons"]
    archive = _archive(tree)
    file = out / f"nightsort-{version}.run"
    header = _header(file.name, archive, version, pythons)
    out.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    partial.write_bytes(header + archive)
    partial.chmod(0o755)
    partial.replace(file)
    total = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_name(f"{file.name}.sha256").write_text(f"{total}  {file.name}\n", encoding="ascii")
    return file


def download(source: Path, tree: Path, pythons: Sequence[str], extras: Sequence[str] = ()) -> None:
    """Take what others made: every pinned package, for each of these Pythons."""
    wheels = tree / "wheels"
    wheels.mkdir()
    for python in pythons:
        _pip(
            "download", "--no-deps", "--only-binary=:all:", "--implementation=cp",
            f"--python-version={python}", *_platforms(), f"--dest={wheels}",
            *(f"--requirement={file}" for file in pins_of(source, extras)), PIP,
        )  # fmt: skip


def pins_of(source: Path, extras: Sequence[str]) -> list[Path]:
    """The files that say what goes in: the service's, and one for each extra."""
    return [source / f"requirements{more}.txt" for more in ("", *(f"-{one}" for one in extras))]


def fill(source: Path, tree: Path, pythons: Sequence[str], extras: Sequence[str] = ()) -> None:
    """Add what is ours."""
    version = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    wheels = tree / "wheels"
    _pip("wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={wheels}", str(source))
    pins = "".join(file.read_text(encoding="utf-8") for file in pins_of(source, extras))
    (tree / "requirements.txt").write_text(f"{pins}nightsort=={version}\n", encoding="utf-8")
    here = source / "installer"
    leave_out = shutil.ignore_patterns("__pycache__", *_HERE_ONLY)
    share = tree / "share/nightsort"
    shutil.copytree(here, share / "installer", ignore=leave_out)
    units = share / "systemd"
    units.mkdir()
    for pattern in _UNITS:
        for unit in (source / "systemd").glob(pattern):
            shutil.copy(unit, units)
    for name in ("sysusers.d", "tmpfiles.d"):
        shutil.copytree(source / "systemd" / name, share / name)
    shutil.copy(source / "systemd/smb.conf.example", share)
    shutil.copy(source / "config/nightsort.example.toml", share)
    shutil.copy(here / "uninstall.sh", share / "uninstall")
    for name in _DOCUMENTS:
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy
        copy(source / name, share / name)
    contents = bill(wheels, "nightsort", version)
    (share / BILL).write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")
    _describe(source, tree, version, pythons)


def _describe(source: Path, tree: Path, version: str, pythons: Sequence[str]) -> None:
    """The manifest: what the installer must know before it touches anything."""
    contents = hashlib.sha256()
    for path in _files(tree):
        contents.update(f"{path.relative_to(tree)}\n".encode())
        contents.update(hashlib.sha256(path.read_bytes()).digest())
    said = {
        "version": version,
        "build": contents.hexdigest()[:8],
        "schema": _schema(source),
        "pythons": list(pythons),
        "processor": PROCESSOR,
        "glibc": oldest_glibc(tree / "wheels"),
    }
    (tree / MANIFEST).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def _archive(tree: Path) -> bytes:
    """The tree as a tar archive: the same bytes for the same files."""
    packed = io.BytesIO()
    # Wheels are compressed already.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        for path in _files(tree):
            entry = archive.gettarinfo(path, str(path.relative_to(tree)))
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = "root"
            entry.mode = 0o755 if entry.mode & 0o100 else 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return packed.getvalue()


def _header(name: str, archive: bytes, version: str, pythons: Sequence[str]) -> bytes:
    """The script in front of the archive."""
    header = (ROOT / "installer/header.sh").read_text(encoding="utf-8")
    for mark, value in {
        "VERSION": version,
        "NAME": name,
        "FOR": f"Python {', '.join(pythons)} on {PROCESSOR}",
        "PYTHONS": " or ".join(pythons),
        "SHA256": hashlib.sha256(archive).hexdigest(),
        "FIRST_LINE": str(header.count("\n") + 1),
    }.items():
        header = header.replace(f"@{mark}@", value)
    return header.encode("utf-8")


def _schema(source: Path) -> int:
    """The version of the database that this source writes."""
    ask = "from daemon.store.schema import SCHEMA_VERSION; print(SCHEMA_VERSION)"
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=source, check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def oldest_glibc(wheels: Path) -> str:
    """The oldest C library on which every wheel runs.

    A wheel named for several runs on the oldest of them. Source: PEP 600.
    """
    needed = [
        min(int(minor) for minor in found)
        for found in (re.findall(r"manylinux_2_(\d+)_", wheel.name) for wheel in wheels.iterdir())
        if found
    ]
    return f"2.{max(needed, default=17)}"


def _platforms() -> Iterator[str]:
    for minor in range(_NEWEST_GLIBC, 4, -1):
        yield f"--platform=manylinux_2_{minor}_{PROCESSOR}"
    for name in ("manylinux2014", "manylinux2010", "manylinux1"):
        yield f"--platform={name}_{PROCESSOR}"


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True)


def _files(tree: Path) -> list[Path]:
    return sorted(path for path in tree.rglob("*") if path.is_file())


def _python(text: str) -> str:
    if re.fullmatch(r"3\.\d+", text) is None:
        raise argparse.ArgumentTypeError(f"{text} is no Python such as 3.11")
    return text


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m installer.build", description=__doc__)
    parser.add_argument("--source", type=Path, default=ROOT, help="the repository")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the file goes")
    parser.add_argument(
        "--python", nargs="+", type=_python, default=["3.11"], help="for which Pythons"
    )
    parser.add_argument(
        "--extras",
        nargs="+",
        choices=["mirror", "archive"],
        default=[],
        help="what to take along as well",
    )
    asked = parser.parse_args()
    try:
        file = build(asked.source.resolve(), asked.out, asked.python, asked.extras)
    except subprocess.CalledProcessError:
        sys.exit(
            "The package was not made; pip says above what it lacks. It needs the internet, "
            f"and wheels of all that is pinned for Python {' and '.join(asked.python)}."
        )
    except OSError as exc:
        sys.exit(f"The package was not made: {exc}")
    sys.stdout.write(f"{file}: {file.stat().st_size / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()
