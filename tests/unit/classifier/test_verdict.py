"""What becomes of the model's scores: confidences, bands, reasons, and the sentence for a clerk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifier.verdict import (
    Band,
    FloatArray,
    Reason,
    Thresholds,
    Verdict,
    judge,
    probabilities,
)

CATEGORIES = ("Shirts", "Tops", "Tshirts")
THRESHOLDS = Thresholds(auto=0.9, review=0.6, unknown=0.25)

logit_rows = arrays(np.float32, (3, 5), elements=st.floats(-30, 30, width=32))


def judged(*row: float, thresholds: Thresholds = THRESHOLDS, flaw: Reason | None = None) -> Verdict:
    (verdict,) = judge(np.array([row], dtype=np.float32), CATEGORIES, thresholds, [flaw])
    return verdict


# Calibration


@given(logit_rows, st.floats(0.1, 10))
def test_probabilities_of_each_photo_sum_to_one(logits: FloatArray, temperature: float) -> None:
    shares = probabilities(logits, temperature)
    assert shares.dtype == np.float32
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)


@given(logit_rows, st.floats(0.1, 10))
def test_temperature_never_changes_which_label_is_best(
    logits: FloatArray, temperature: float
) -> None:
    shares = probabilities(logits, temperature)
    best = logits.argmax(axis=1)
    assert np.allclose(shares[np.arange(len(best)), best], shares.max(axis=1))


def test_higher_temperature_makes_verdicts_less_confident() -> None:
    logits = np.array([[4.0, 1.0, 0.0]], dtype=np.float32)
    cold, plain, hot = (probabilities(logits, t).max() for t in (0.5, 1.0, 2.0))
    assert cold > plain > hot


def test_probabilities_are_the_softmax_of_logits_over_temperature() -> None:
    logits = np.array([[2.0, 0.0]], dtype=np.float32)
    assert probabilities(logits, 2.0)[0, 0] == pytest.approx(np.e / (np.e + 1))


def test_huge_logits_do_not_overflow() -> None:
    shares = probabilities(np.array([[1e6, 0.0, -1e6]], dtype=np.float32), 0.1)
    assert shares.tolist() == [[1.0, 0.0, 0.0]]


# Bands


@pytest.mark.parametrize(
    ("confidence", "band", "reason"),
    [
        (0.95, Band.AUTO, None),
        (0.75, Band.CHECK, None),
        (0.55, Band.REVIEW, Reason.UNSURE),
    ],
)
def test_confidence_decides_the_band(confidence: float, band: Band, reason: Reason | None) -> None:
    rest = (1 - confidence) / 2
    verdict = judged(confidence, rest, rest)
    assert (verdict.category, verdict.band, verdict.reason) == ("Shirts", band, reason)


def test_a_band_begins_at_its_threshold_exactly() -> None:
    half = Thresholds(auto=0.75, review=0.5, unknown=None)
    assert judged(0.75, 0.25, 0.0, thresholds=half).band is Band.AUTO
    assert judged(0.5, 0.5, 0.0, thresholds=half).band is Band.CHECK


def test_what_resembles_no_category_goes_to_review_as_unknown() -> None:
    verdict = judged(0.66, 0.02, 0.02, 0.30)
    assert (verdict.band, verdict.reason) == (Band.REVIEW, Reason.UNKNOWN)
    assert verdict.reason_text == "none of the known categories"


def test_unknown_photo_keeps_its_best_category() -> None:
    verdict = judged(0.01, 0.03, 0.01, 0.95)
    assert (verdict.category, verdict.reason) == ("Tops", Reason.UNKNOWN)


def test_photo_that_resembles_no_category_at_all_gets_one_all_the_same() -> None:
    verdict = judged(0.0, 0.0, 0.0, 1.0)
    assert (verdict.category, verdict.confidence) == ("Shirts", 0.0)
    assert verdict.reason is Reason.UNKNOWN


def test_unknown_is_said_before_unsure() -> None:
    assert judged(0.2, 0.2, 0.2, 0.4).reason is Reason.UNKNOWN


def test_all_labels_outside_the_categories_count_together() -> None:
    assert judged(0.7, 0.0, 0.0, 0.15, 0.15).reason is Reason.UNKNOWN


def test_model_that_cannot_tell_unknowns_never_says_unknown() -> None:
    without = Thresholds(auto=0.9, review=0.6, unknown=None)
    assert judged(0.04, 0.0, 0.0, 0.96, thresholds=without).reason is None


def test_confidence_is_among_the_categories_only() -> None:
    """A photo that is filed at all is one of them: what the other labels took is shared out."""
    assert judged(0.6, 0.2, 0.0, 0.2).confidence == pytest.approx(0.75)


# What people read


def test_unsure_names_the_two_best_categories() -> None:
    assert judged(0.3, 0.1, 0.6 - 1e-3, 0.0).reason_text == "unsure between Tshirts and Shirts"


def test_only_photos_in_review_have_a_reason() -> None:
    for verdict in (judged(0.95, 0.03, 0.02), judged(0.7, 0.2, 0.1)):
        assert verdict.reason is None
        assert verdict.reason_text is None


def test_alternatives_are_the_runners_up_best_first() -> None:
    verdict = judged(0.1, 0.6, 0.3)
    assert [a.category for a in verdict.alternatives] == ["Tshirts", "Shirts"]
    assert [a.confidence for a in verdict.alternatives] == pytest.approx([0.3, 0.1])


def test_with_two_categories_there_is_one_alternative() -> None:
    scores = np.array([[0.8, 0.2]], dtype=np.float32)
    (verdict,) = judge(scores, ["Shirts", "Tops"], THRESHOLDS, [None])
    assert [a.category for a in verdict.alternatives] == ["Tops"]


def test_each_photo_of_a_batch_gets_its_own_verdict() -> None:
    scores = np.array([[0.98, 0.01, 0.01], [0.01, 0.01, 0.98]], dtype=np.float32)
    verdicts = judge(scores, CATEGORIES, THRESHOLDS, [None] * len(scores))
    assert [v.category for v in verdicts] == ["Shirts", "Tshirts"]


@given(logit_rows, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_whatever_the_scores_a_verdict_keeps_its_promises(
    logits: FloatArray, one: float, other: float, unknown: float
) -> None:
    thresholds = Thresholds(auto=max(one, other), review=min(one, other), unknown=unknown)
    for verdict in judge(probabilities(logits, 1.0), CATEGORIES, thresholds, [None] * 3):
        confidences = [verdict.confidence, *(a.confidence for a in verdict.alternatives)]
        assert confidences == sorted(confidences, reverse=True)
        assert all(0 <= confidence <= 1 + 1e-5 for confidence in confidences)
        named = {verdict.category, *(a.category for a in verdict.alternatives)}
        assert named == set(CATEGORIES)
        assert (verdict.band is Band.REVIEW) == (verdict.reason is not None)
        assert (verdict.reason is None) == (verdict.reason_text is None)


# Flaws of the photo itself


@pytest.mark.parametrize("flaw", [Reason.TOO_DARK, Reason.TOO_BLURRED, Reason.TOO_SMALL])
@pytest.mark.parametrize("row", [(0.98, 0.01, 0.01, 0.0), (0.5, 0.4, 0.1, 0.0), (0, 0.1, 0, 0.9)])
def test_flawed_photo_goes_to_review_for_its_flaw_however_sure_the_model_is(
    flaw: Reason, row: tuple[float, ...]
) -> None:
    verdict, plain = judged(*row, flaw=flaw), judged(*row)
    assert (verdict.band, verdict.reason) == (Band.REVIEW, flaw)
    assert "take the photo again" in (verdict.reason_text or "")
    assert (verdict.category, verdict.confidence) == (plain.category, plain.confidence)


def test_every_reason_has_a_sentence() -> None:
    for reason in (Reason.TOO_DARK, Reason.TOO_BLURRED, Reason.TOO_SMALL):
        assert judged(1.0, 0.0, 0.0, flaw=reason).reason_text
