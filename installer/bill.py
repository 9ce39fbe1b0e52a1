"""The bill of materials: every wheel of the package, as CycloneDX has it, for whoever must know.

Written by hand, as it is thirty lines: https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import hashlib
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any


def bill(wheels: Path, name: str, version: str) -> dict[str, Any]:
    """What is in it, as JSON; the same for the same wheels."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": name,
                "name": name,
                "version": version,
                "purl": f"pkg:pypi/{name}@{version}",
            }
        },
        "components": [
            _component(wheel)
            for wheel in sorted(wheels.glob("*.whl"))
            if not wheel.name.startswith(f"{name}-")
        ],
    }


def _component(wheel: Path) -> dict[str, Any]:
    said = _metadata(wheel)
    name, version = said["Name"], said["Version"]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": wheel.name,  # for several Pythons there are several of one name
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}?file_name={wheel.name}",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}],
    }
    if expression := said["License-Expression"]:
        component["licenses"] = [{"expression": expression}]
    elif (text := (said["License"] or "").strip()) and "\n" not in text:
        component["licenses"] = [{"license": {"name": text}}]
    return component


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode("utf-8"))
