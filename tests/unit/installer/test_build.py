"""What goes into the package."""

from __future__ import annotations

import hashlib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from installer.bill import bill
from installer.build import ROOT, pins_of
from tests.support.cyclonedx import complaints


def test_extras_are_left_out_unless_they_are_asked_for() -> None:
    assert [file.name for file in pins_of(ROOT, [])] == ["requirements.txt"]
    service, mirror = pins_of(ROOT, ["mirror"])
    assert "psycopg" not in service.read_text("utf-8")
    assert "psycopg==" in mirror.read_text("utf-8")
    assert "psycopg-binary==" in mirror.read_text("utf-8")


def wheel(folder: Path, name: str, metadata: str) -> Path:
    file = folder / f"{name}-1.2-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            f"{name}-1.2.dist-info/METADATA", f"Name: {name}\nVersion: 1.2\n{metadata}"
        )
    return file


def test_the_bill_of_materials_names_every_wheel_but_our_own(tmp_path: Path) -> None:
    first = wheel(tmp_path, "An_Example", "License-Expression: MIT\n\nAbout it.\n")
    wheel(tmp_path, "other", "License: BSD\n\n")
    wheel(tmp_path, "nightsort", "")
    said = bill(tmp_path, "nightsort", "0.1.0")
    assert (said["bomFormat"], said["specVersion"]) == ("CycloneDX", "1.6")
    assert said["metadata"]["component"]["version"] == "0.1.0"
    example, other = said["components"]
    assert example["purl"].startswith("pkg:pypi/an-example@1.2?")
    assert example["licenses"] == [{"expression": "MIT"}]
    assert example["hashes"][0]["content"] == hashlib.sha256(first.read_bytes()).hexdigest()
    assert other["licenses"] == [{"license": {"name": "BSD"}}]
    assert bill(tmp_path, "nightsort", "0.1.0") == said


def test_the_bill_is_as_cyclonedx_says_with_what_real_packages_say_of_themselves(
    tmp_path: Path,
) -> None:
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        name, _, version = line.partition("==")
        if version:
            said = distribution(name)
            file = tmp_path / f"{name}-{said.version}-py3-none-any.whl"
            with zipfile.ZipFile(file, "w") as archive:
                metadata = said.read_text("METADATA") or ""
                archive.writestr(f"{name}-{said.version}.dist-info/METADATA", metadata)
    made = bill(tmp_path, "nightsort", "0.1.0")
    assert len(made["components"]) > 20
    assert complaints(made) == []
    references = [one["bom-ref"] for one in made["components"]]
    assert len({*references}) == len(references)
    made["components"][0]["hashes"][0]["alg"] = "SHA-0"
    assert complaints(made) != []
