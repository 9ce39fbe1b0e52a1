"""A machine to install on, and two packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.install import Installer
from installer.layout import Layout
from installer.package import Package
from tests.support.machines import NotedMachine, package_of


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "machine")


@pytest.fixture
def machine(layout: Layout) -> NotedMachine:
    return NotedMachine(layout)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def installer(layout: Layout, machine: NotedMachine, told: list[str]) -> Installer:
    return Installer(layout, machine, told.append)


@pytest.fixture
def one(tmp_path: Path) -> Package:
    return package_of(tmp_path / "one", "1.0.0")


@pytest.fixture
def two(tmp_path: Path) -> Package:
    return package_of(tmp_path / "two", "2.0.0", schema=2)
