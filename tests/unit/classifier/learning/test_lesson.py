"""A whole lesson over made-up kinds: what it brings, what it refuses, and what it must not do."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.bundle import Bundle
from classifier.learning.lesson import Example, Lesson, LessonError, Request, learn
from classifier.version import ids_of
from tests.support.lessons import (
    CATEGORIES,
    REQUEST,
    Before,
    examples_of,
    lesson,
    made_up,
    made_up_base,
    photos,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return made_up(tmp_path_factory.mktemp("lessons"))


def right(found: Lesson, label: str) -> float:
    """The share of other photos of a kind that the candidate files as that."""
    assert found.version is not None
    shares = found.version.head.shares(photos(label, 100, seed=77))[:, :-1]
    names = found.version.card.categories
    return float(np.mean([names[at] == label for at in shares.argmax(axis=1)]))


def figures_of(found: Lesson) -> dict[str, Any]:
    """The M of the candidate."""
    after = found.as_json(1, adopted=False)["after"]
    assert after is not None
    return dict(after)


# What is learnt


def test_new_category_is_told_from_the_old(bundle: Bundle) -> None:
    found = lesson(bundle, examples_of("Sandals", 30), before=Before())
    assert found.version is not None
    assert found.version.card.categories == (*CATEGORIES, "Sandals")
    assert (found.new_labels, found.examples) == (("Sandals",), {"Sandals": 30})
    assert found.judgement == "better"
    assert min(right(found, label) for label in found.version.card.categories) > 0.9


def test_without_examples_everything_stays_as_good(bundle: Bundle) -> None:
    found = lesson(bundle, [], before=Before())
    assert (found.judgement, found.new_labels) == ("as good", ())
    assert found.version is not None
    assert found.version.card.categories == CATEGORIES


def doubtful_sandals() -> list[Example]:
    """Photos of a new kind, a third of which look like tops."""
    return [*examples_of("Sandals", 16), *examples_of("Tops", 8, seed=8, said="Sandals")]


def temperature(found: Lesson) -> float:
    assert found.version is not None
    return found.version.card.temperature


def test_few_photos_of_something_hard_make_the_version_less_sure(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    weighed = temperature(lesson(bundle, doubtful_sandals()))
    monkeypatch.setattr("classifier.learning.calibration.NEW_COUNTS_AS", 0.0)
    assert temperature(lesson(bundle, doubtful_sandals())) < weighed


def test_photos_that_count_more_among_those_held_out_set_the_temperature(bundle: Bundle) -> None:
    base = made_up_base()
    held = base.held_out
    mistaken = [at for at, label in enumerate(held.labels) if label == "Tops"][::3]
    features = held.features.copy()
    features[mistaken] = photos("Shirts", len(mistaken), seed=6)
    counted = np.ones(len(held.labels), np.float32)
    counted[mistaken] = 0.01
    plain, weighed = (
        learn(
            replace(base, held_out=replace(held, features=features, weights=weights)),
            bundle,
            [],
            REQUEST,
        )
        for weights in (None, counted)
    )
    assert temperature(weighed) < temperature(plain)


def test_other_things_stay_unknown(bundle: Bundle) -> None:
    found = lesson(bundle, examples_of("Sandals", 30), before=Before())
    assert found.version is not None
    unknown = found.version.head.shares(photos("Trunk", 100, seed=77))[:, -1]
    assert (unknown > found.version.card.gate.threshold).mean() > 0.9
    assert found.trial.unknown is not None
    assert found.trial.unknown[1] > 0.9


def test_kind_that_was_something_else_becomes_a_category(bundle: Bundle) -> None:
    found = lesson(bundle, examples_of("Trunk", 5), before=Before())
    assert found.new_labels == ("Trunk",)
    assert right(found, "Trunk") > 0.9


def test_what_is_new_and_of_few_photos_is_doubted_until_there_are_enough(bundle: Bundle) -> None:
    few, enough = (lesson(bundle, examples_of("Sandals", count)).version for count in (20, 60))
    assert few is not None
    assert enough is not None
    assert dict(zip(few.card.categories, few.card.doubts, strict=True)) == {
        **dict.fromkeys(CATEGORIES, 1.0), "Sandals": pytest.approx(1.2),
    }  # fmt: skip
    assert enough.card.doubts == ()


def test_what_the_base_knows_or_a_shop_learns_alone_is_not_doubted(bundle: Bundle) -> None:
    alone = [*examples_of("Lamps", 20), *examples_of("Vases", 20)]
    for told, only in (([*examples_of("Trunk", 5), *examples_of("Tops", 5)], False), (alone, True)):
        version = lesson(bundle, told, replace(REQUEST, only=only)).version
        assert version is not None
        assert version.card.doubts == ()


def test_other_shop_learns_its_labels_alone(bundle: Bundle) -> None:
    told = [*examples_of("Lamps", 30), *examples_of("Vases", 30)]
    found = lesson(bundle, told, replace(REQUEST, only=True), before=Before())
    assert found.version is not None
    assert found.version.card.categories == ("Lamps", "Vases")
    assert found.trial.before is None
    assert (found.as_json(1, adopted=False)["before"], found.judgement) == (None, "as good")
    assert "there is nothing to compare with" in found.why
    assert min(right(found, "Lamps"), right(found, "Vases")) > 0.9


def test_version_that_shares_no_category_is_not_compared_with(bundle: Bundle) -> None:
    found = lesson(bundle, examples_of("Sandals", 30), before=Before(categories=("Lamps", "Vases")))
    assert found.trial.before is None


def test_removed_category_is_filed_no_longer_but_told_as_something_else(bundle: Bundle) -> None:
    request = replace(REQUEST, removed=frozenset({"Tops"}))
    found = lesson(bundle, [], request, before=Before())
    assert found.version is not None
    assert found.version.card.categories == ("Shirts", "Tshirts")
    unknown = found.version.head.shares(photos("Tops", 100, seed=77))[:, -1]
    assert (unknown > found.version.card.gate.threshold).mean() > 0.9


def test_removed_label_is_not_learnt(bundle: Bundle) -> None:
    request = replace(REQUEST, removed=frozenset({"Sandals"}))
    found = lesson(bundle, examples_of("Sandals", 30), request)
    assert (found.examples, found.new_labels) == ({}, ())
    assert found.version is not None
    assert found.version.card.removed == ("Sandals",)  # later lessons keep to it
    assert found.version.card.given_up == {"Sandals"}


def test_merged_category_takes_what_the_other_was(bundle: Bundle) -> None:
    request = replace(REQUEST, merged={"Tshirts": "Tops"})
    found = lesson(bundle, examples_of("Tshirts", 20), request, before=Before())
    assert found.version is not None
    assert found.version.card.categories == ("Shirts", "Tops")
    shares = found.version.head.shares(photos("Tshirts", 100, seed=77))
    assert (shares.argmax(axis=1) == 1).mean() > 0.9


# How it is judged


def test_examples_that_all_belong_together_say_nothing_of_how_right_they_are(
    bundle: Bundle,
) -> None:
    told = [*examples_of("Sandals", 30, group="7"), *examples_of("Belts", 30)]
    found = lesson(bundle, told, before=Before())
    assert "the examples of Sandals all belong together" in found.why
    assert "Sandals" not in (figures_of(found)["categories"])
    assert right(found, "Sandals") > 0.9


def test_lesson_that_makes_it_worse_is_told(bundle: Bundle) -> None:
    told = examples_of("Tops", 120, said="Sandals")
    found = lesson(bundle, told, before=Before())
    assert found.judgement == "worse"
    assert "become wrong" in found.why


def test_shuffled_labels_are_refused(bundle: Bundle) -> None:
    told = [one for label in ("Lamps", "Vases", "Belts") for one in examples_of(label, 40)]
    labels = [one.label for one in told]
    random.Random(1).shuffle(labels)
    found = lesson(
        bundle,
        [replace(one, label=label) for one, label in zip(told, labels, strict=True)],
        replace(REQUEST, only=True),
    )
    assert (found.judgement, found.version) == ("refused", None)
    assert "do not hold together" in found.why
    assert found.as_json(1, adopted=False)["version"] is None


def test_few_shuffled_labels_are_warned_of(bundle: Bundle) -> None:
    told = [*examples_of("Lamps", 6), *examples_of("Vases", 6)]
    mixed = [replace(one, label="Vases" if at % 2 else "Lamps") for at, one in enumerate(told)]
    found = lesson(bundle, mixed, replace(REQUEST, only=True))
    assert found.version is not None
    assert "Lamps has only 6 examples, 20 say more" in found.why


def test_corrections_that_contradict_the_model_are_no_reason_to_refuse(bundle: Bundle) -> None:
    told = [
        *examples_of("Tops", 25, said="Shirts", source="correction"),
        *examples_of("Shirts", 25, said="Tops", source="correction"),
    ]
    assert lesson(bundle, told, before=Before()).judgement != "refused"


def test_wrong_label_is_doubtful(bundle: Bundle) -> None:
    wrong = examples_of("Shirts", 1, seed=5, said="Sandals")
    found = lesson(bundle, [*examples_of("Sandals", 30), *wrong])
    assert [(one.photo, one.said, one.looks_like) for one in found.doubtful] == [
        (wrong[0].id, "Sandals", "Shirts")
    ]


def test_compared_are_photos_that_the_version_before_did_not_learn_from(bundle: Bundle) -> None:
    told = examples_of("Sandals", 30)
    first = lesson(bundle, told, before=Before())
    again = lesson(
        bundle,
        [*told, *examples_of("Sandals", 10, seed=2)],
        before=Before((*CATEGORIES, "Sandals"), first.version),
    )
    assert again.trial.before is not None
    ids = {one.id for one in again.trial.after}
    assert not ids & {one.id for one in told}
    assert len([one for one in ids if one.startswith("Sandals")]) == 10
    assert again.new_labels == ()


def test_held_out_photos_that_are_examples_too_are_not_judged(bundle: Bundle) -> None:
    held = made_up_base().held_out
    copies = [
        Example(f"copy-{at}", held.features[at], held.labels[at]) for at in range(len(held.labels))
    ]
    found = lesson(bundle, copies[:300])
    assert len([one for one in found.trial.after if one.id.startswith("held-out")]) < 180


def test_document_has_the_keys_that_others_rely_on(bundle: Bundle) -> None:
    found = lesson(bundle, examples_of("Sandals", 30), before=Before())
    document = json.loads(json.dumps(found.as_json(1.234, adopted=True)))
    assert {
        "version", "base", "examples", "new_labels", "seconds", "before", "after", "became_right",
        "became_wrong", "judgement", "why", "doubtful", "adopted",
    } <= {*document}  # fmt: skip
    for side in ("before", "after"):
        assert {*document[side]} == {"accuracy", "ece", "auto", "review_share", "categories"}
    low, high = document["intervals"]["after"]
    assert low < document["after"]["accuracy"] <= high
    assert document["after"]["categories"]["Sandals"]["support"] == 30
    assert len(document["became_right"]) >= 28
    assert document["adopted"] is True


# What cannot be learnt from


def test_one_category_alone_is_refused(bundle: Bundle) -> None:
    with pytest.raises(LessonError, match="1 categories would be left"):
        lesson(bundle, examples_of("Lamps", 30), replace(REQUEST, only=True))


def test_features_of_another_model_are_refused(bundle: Bundle) -> None:
    odd = Example("odd", np.zeros(7, np.uint8), "Sandals")
    with pytest.raises(LessonError, match="example odd has 7 features, made-up 1 gives 64"):
        lesson(bundle, [odd])


# The same whatever happened on the way


def same(first: Lesson, second: Lesson) -> bool:
    assert first.version is not None
    assert second.version is not None
    return first.version.digest == second.version.digest and first.why == second.why


TOLD = [*examples_of("Sandals", 12), *examples_of("Tops", 6, source="decision")]


@given(st.permutations(range(len(TOLD))))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_order_of_examples_does_not_matter(bundle: Bundle, order: list[int]) -> None:
    assert same(lesson(bundle, TOLD), lesson(bundle, [TOLD[at] for at in order]))


@given(st.integers(0, len(TOLD) - 1))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_example_taken_out_is_as_if_it_had_never_been_there(bundle: Bundle, out: int) -> None:
    left = TOLD[:out] + TOLD[out + 1 :]
    found = lesson(bundle, left, before=Before())
    assert same(found, lesson(bundle, list(reversed(left)), before=Before()))
    assert found.version is not None
    learnt = {row.tobytes() for row in found.version.learnt_from}
    assert ids_of([TOLD[out].id])[0].tobytes() not in learnt


def test_lesson_leaves_its_examples_as_they_were(bundle: Bundle, tmp_path: Path) -> None:
    told = examples_of("Sandals", 20)
    before = [one.features.copy() for one in told]
    lesson(bundle, told)
    assert all(np.array_equal(a.features, b) for a, b in zip(told, before, strict=True))
    assert list(tmp_path.iterdir()) == []


def test_name_and_day_of_a_version_are_the_callers(bundle: Bundle) -> None:
    found = lesson(bundle, TOLD, Request(name="spring", learnt="2027-03-01T02:00:00+01:00"))
    assert found.version is not None
    assert found.version.title == "made-up spring"
    assert found.version.card.learnt == "2027-03-01T02:00:00+01:00"
    assert found.version.card.sources == {"decision": 6, "upload": 12}
