"""The stand-ins fit where the product's own parts go, and mypy holds them to it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from classifier.pixels import Picture
from classifier.verdict import Band, Reason
from daemon.clock import Clock
from daemon.examine import Classifying
from tests.support.classifiers import ScriptedClassifier, by_brightness, verdict
from tests.support.clocks import ManualClock


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
    shades = [np.full((8, 8, 3), level, np.uint8) for level in (0, 255)]
    pictures = [Picture(shade, 8, 8, "PNG") for shade in shades]
    assert [said.category for said in fits.classify(pictures)] == ["Shirts", "Tops"]
    assert classifier.seen == [2]


def test_verdict_in_review_has_a_reason() -> None:
    assert verdict(band=Band.REVIEW).reason is Reason.UNSURE
    assert verdict().reason_text is None
