"""What goes into the package."""

from __future__ import annotations

from installer.build import ROOT, pins_of


def test_extras_are_left_out_unless_they_are_asked_for() -> None:
    assert [file.name for file in pins_of(ROOT, [])] == ["requirements.txt"]
    service, mirror = pins_of(ROOT, ["mirror"])
    assert "psycopg" not in service.read_text("utf-8")
    assert "psycopg==" in mirror.read_text("utf-8")
    assert "psycopg-binary==" in mirror.read_text("utf-8")
