"""The package as `make package` makes it, and others made from it: older, or broken."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from installer.build import ROOT, download, fill, pack
from tests.support.samba import lacking

PYTHONS = ["3.11"]  # Debian 12's
_SOURCE = ("web", "daemon", "classifier", "config", "models", "installer", "systemd", "docs")
_FILES = ("pyproject.toml", "hatch_build.py", "requirements.txt")
_DOCUMENTS = ("README.md", "CHANGELOG.md", "LICENSE")


def make_package(out: Path) -> Path:
    """The package of this repository; without a registry the test is skipped, or in CI fails."""
    tree = out / "tree"
    tree.mkdir()
    try:
        download(ROOT, tree, PYTHONS)
    except subprocess.CalledProcessError as exc:
        lacking(f"its Python packages cannot be downloaded ({exc})")
    fill(ROOT, tree, PYTHONS)
    made = pack(tree, out)
    shutil.rmtree(tree)
    return made


def make_variation(package: Path, out: Path, version: str, edits: dict[str, str]) -> Path:
    """A package of another version, with something added to some files of the source.

    edits: what is added, by the path of the file. Other people's packages are taken from `package`.
    """
    work = out / f"work-{version}"
    tree = work / "tree"
    subprocess.run(["sh", package, "extract", tree], check=True)
    for path in (*tree.glob("wheels/nightsort-*"), tree / "share"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    source = _copy_of_source(work / "source")
    project = source / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text), "utf-8")
    for name, more in edits.items():
        with (source / name).open("a", encoding="utf-8") as file:
            file.write(more)
    fill(source, tree, PYTHONS)
    made = pack(tree, out)
    shutil.rmtree(work)
    return made


def _copy_of_source(target: Path) -> Path:
    leave_out = shutil.ignore_patterns("__pycache__")
    for name in _SOURCE:
        shutil.copytree(ROOT / name, target / name, ignore=leave_out)
    for name in (*_FILES, *_DOCUMENTS):
        shutil.copy(ROOT / name, target / name)
    return target
