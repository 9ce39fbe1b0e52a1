"""The stand-ins fit where the product's own parts go, and mypy holds them to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from PIL import Image

from classifier.pixels import Picture
from classifier.verdict import Band, Reason
from daemon.domain.clock import Clock
from daemon.sorting.model_slot import Classifying
from tests.support.classifiers import ScriptedClassifier, by_brightness, verdict
from tests.support.clocks import ManualClock
from tests.support.openapi import misfits


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock()
    fits: Clock = clock
    wall, steady, boot = fits.now(), fits.steady(), fits.boot
    clock.advance(90)
    assert (clock.now() - wall, clock.steady() - steady) == (timedelta(seconds=90), 90)
    clock.set_wall_clock(wall)
    assert (clock.now(), clock.steady() - steady) == (wall, 90)
    clock.reboot()
    assert clock.steady() < steady
    assert clock.boot != boot


def test_scripted_classifier_says_what_the_test_says() -> None:
    classifier = ScriptedClassifier(by_brightness)
    fits: Classifying = classifier.spare()
    shades = [Image.new("RGB", (8, 8), (level,) * 3) for level in (0, 255)]
    pictures = [Picture(shade, 8, 8, "PNG") for shade in shades]
    assert [said.category for said in fits.classify(pictures)] == ["Shirts", "Tops"]
    assert classifier.seen == [2]


def test_verdict_in_review_has_a_reason() -> None:
    assert verdict(band=Band.REVIEW).reason is Reason.UNSURE
    assert verdict().reason_text is None


def test_what_does_not_fit_a_schema_is_named() -> None:
    maybe = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    number = {"type": "integer", "minimum": 1}
    one = {"type": "object", "required": ["n"], "properties": {"n": number, "m": maybe}}
    root = {"defs": {"One": one}}
    schema = {"type": "array", "items": {"$ref": "#/defs/One"}}
    assert list(misfits([{"n": 1, "m": None}, {"n": 2, "m": "x"}], schema, root)) == []
    for wrong in ({"n": 0}, {"n": "1"}, {"n": True}, {"m": "x"}, {"n": 1, "m": 2}, 7):
        assert len(list(misfits([wrong], schema, root))) == 1, wrong
    with pytest.raises(NotImplementedError):
        list(misfits(1, {"multipleOf": 2}, root))
