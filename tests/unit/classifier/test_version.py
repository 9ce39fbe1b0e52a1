"""The version file: what is saved comes back, and whatever was done to it is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier import arrays, version
from classifier.bundle import Bundle, load_bundle
from classifier.classifier import Classifier, bands_of, thresholds_of
from classifier.version import Version, load_version
from config.errors import ModelError
from tests.support.bundles import change_card, flip_a_byte, replace_model
from tests.support.lessons import examples_of, lesson, made_up, photos


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return made_up(tmp_path)


@pytest.fixture
def learnt(bundle: Bundle) -> Version:
    found = lesson(bundle, examples_of("Sandals", 25)).version
    assert found is not None
    return found


@pytest.fixture
def file(learnt: Version, tmp_path: Path) -> Path:
    learnt.save(tmp_path / "spring.npz")
    return tmp_path / "spring.npz"


def refusal_of(file: Path, bundle: Bundle) -> str:
    with pytest.raises(ModelError) as caught:
        load_version(file, bundle)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewrite(file: Path, **changes: Any) -> None:
    """Change arrays, or fields of the card, and sign the file anew: a forger, or a bug of ours."""
    held = arrays.unpacked(file.read_bytes())
    card = json.loads(held["card"].tobytes())
    for name, value in changes.items():
        if name in held:
            held[name] = value
        else:
            card[name] = value
    held["card"] = np.frombuffer(json.dumps(card).encode(), np.uint8)
    held.pop("sha256")
    digest = np.frombuffer(bytes.fromhex(version._digest_of(held)), np.uint8)
    file.write_bytes(arrays.packed(held | {"sha256": digest}))


def test_version_comes_back_as_it_was_saved(file: Path, learnt: Version, bundle: Bundle) -> None:
    again = load_version(file, bundle)
    assert (again.card, again.digest, again.title) == (
        learnt.card,
        learnt.digest,
        "made-up 2026-11-26.1",
    )
    seen = photos("Sandals", 30, seed=3)
    assert np.array_equal(again.head.shares(seen), learnt.head.shares(seen))


def test_what_is_promised_of_band_auto_is_its_own_cards_word(file: Path, bundle: Bundle) -> None:
    rewrite(file, bands={"auto": 0.9, "review": 0.6, "promise": 0.97})
    promised = bands_of(bundle, load_version(file, bundle))
    assert promised is not None
    assert promised.promise == 0.97
    rewrite(file, bands={"auto": 0.9, "review": 0.6})  # one that was learnt before cards said it
    promised = bands_of(bundle, load_version(file, bundle))
    assert promised is not None
    assert promised.promise == 0.99
    assert bands_of(bundle, None) == bundle.card.bands


@pytest.mark.parametrize(("lower", "promise"), [(0.0, 0.99), (-0.1, 0.99), (0.1, None)])
def test_a_card_promises_nothing_of_a_band_that_begins_lower(
    bundle: Bundle, lower: float, promise: float | None
) -> None:
    bands = bundle.card.bands
    assert bands is not None
    chosen = thresholds_of(bundle, bands.auto - lower, bands.review - 0.1)
    model: Any = SimpleNamespace(own_head=None)  # nothing is judged here
    assert Classifier(bundle, chosen, model=model).promise == promise


def test_saving_leaves_nothing_else_and_replaces_what_was_there(
    file: Path, learnt: Version, bundle: Bundle
) -> None:
    file.write_bytes(b"half")
    learnt.save(file)
    assert load_version(file, bundle).digest == learnt.digest
    assert {one.name for one in file.parent.iterdir()} == {"bundle", file.name}


def test_version_that_cannot_be_written_leaves_the_one_before(
    file: Path, learnt: Version, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        learnt.save(file)
    monkeypatch.undo()
    assert load_version(file, bundle).digest == learnt.digest
    assert {one.name for one in file.parent.iterdir()} == {"bundle", file.name}


def test_a_card_names_no_photo(learnt: Version) -> None:
    assert not {"became_right", "became_wrong", "doubtful"} & {*learnt.card.figures}
    assert "Sandals-1-" not in learnt.card.model_dump_json()


def test_photos_are_taken_out_of_a_card_of_before(
    file: Path, learnt: Version, bundle: Bundle
) -> None:
    assert not version.strip_photos(file)
    rewrite(file, figures=learnt.card.figures | {"became_right": ["a"], "became_wrong": []})
    file.chmod(0o640)
    assert version.strip_photos(file)
    assert load_version(file, bundle).card == learnt.card
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_file_knows_what_it_learnt_from(file: Path) -> None:
    assert version.knows_any(file, ["nobody", "Sandals-1-003"])
    assert not version.knows_any(file, ["nobody"])
    assert not version.knows_any(file, [])


def test_version_is_small(file: Path) -> None:
    assert file.stat().st_size < 20_000


def test_versions_of_before_doubt_nothing_and_doubts_come_back(file: Path, bundle: Bundle) -> None:
    rewrite(file, doubts=[1.0, 1.0, 1.0, 1.2])
    doubts = load_version(file, bundle).head.doubts
    assert doubts is not None
    assert doubts.tolist() == [1.0, 1.0, 1.0, 1.2]
    held = arrays.unpacked(file.read_bytes())
    card = json.loads(held["card"].tobytes())
    del card["doubts"]
    held.pop("sha256")
    held["card"] = np.frombuffer(json.dumps(card).encode(), np.uint8)
    digest = np.frombuffer(bytes.fromhex(version._digest_of(held)), np.uint8)
    file.write_bytes(arrays.packed(held | {"sha256": digest}))
    assert load_version(file, bundle).head.doubts is None


def test_missing_file_is_told(tmp_path: Path, bundle: Bundle) -> None:
    assert "is missing; go back to another version" in refusal_of(tmp_path / "none.npz", bundle)


def test_folder_in_its_place_is_told(tmp_path: Path, bundle: Bundle) -> None:
    (tmp_path / "v.npz").mkdir()
    assert "cannot be read" in refusal_of(tmp_path / "v.npz", bundle)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"a text, no version", b"\x93NUMPY\x01\x00"]
)
def test_other_file_is_refused(content: bytes, file: Path, bundle: Bundle) -> None:
    file.write_bytes(content)
    assert "is damaged or no version" in refusal_of(file, bundle)


def test_flipped_byte_is_noticed(file: Path, bundle: Bundle) -> None:
    flip_a_byte(file)
    refusal_of(file, bundle)


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_file_changed_anywhere_is_refused_or_says_the_same(
    file: Path, learnt: Version, bundle: Bundle, data: st.DataObject
) -> None:
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    other = file.with_name("changed.npz")
    other.write_bytes(changed)
    try:
        found = load_version(other, bundle).digest
    except ModelError:
        found = learnt.digest
    # Dates and the like of a ZIP carry nothing, so that some bytes may change.
    assert found == learnt.digest


def test_file_cut_off_is_refused(file: Path, bundle: Bundle) -> None:
    file.write_bytes(file.read_bytes()[:-200])
    assert "is damaged or no version" in refusal_of(file, bundle)


def test_numbers_exchanged_without_signing_are_noticed(file: Path, bundle: Bundle) -> None:
    held = arrays.unpacked(file.read_bytes())
    held["bias"] = held["bias"] + 1
    file.write_bytes(arrays.packed(held))
    assert "its digest is not that of what it holds" in refusal_of(file, bundle)


def test_archive_of_other_arrays_is_refused(file: Path, bundle: Bundle) -> None:
    file.write_bytes(arrays.packed({"weights": np.zeros(3)}))
    assert "is no version of nightsort's" in refusal_of(file, bundle)


def test_pickles_are_never_opened(file: Path, bundle: Bundle) -> None:
    with file.open("wb") as target:
        np.savez(target, weights=np.array([{"a": 1}], dtype=object))
    assert "is damaged or no version" in refusal_of(file, bundle)


def test_archive_that_would_fill_the_memory_is_refused(
    file: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "LARGEST_BYTES", 1000)
    assert "claims to hold" in refusal_of(file, bundle)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bias": np.zeros(3, np.float32)}, "bias is float32 (3,), not float32 (5,)"),
        ({"bias": np.zeros(5)}, "bias is float64"),
        ({"bias": np.full(5, np.nan, np.float32)}, "bias holds values that are no numbers"),
        ({"usual": np.zeros(9, np.float32)}, "usual is float32 (9,)"),
        ({"learnt_from": np.zeros(3, np.uint8)}, "learnt_from is uint8 (3,)"),
        ({"categories": ["Shirts", "Shirts", "Tops", "Tshirts"]}, "a category stands twice"),
        ({"owners": [0, 1, 2, 3]}, "4 owners for 5 rows"),
        ({"owners": [0, 1, 2, 2, -1]}, "rows and categories disagree"),
        ({"owners": [0, 1, 2, -2, 3]}, "rows and categories disagree"),
        ({"opinion": [0, 1, 7]}, "the network's own rows and the categories disagree"),
        ({"temperature": 0}, "temperature"),
        ({"doubts": [1.0, 1.2]}, "2 doubts for 4 categories"),
        ({"doubts": [1.0, 1.0, 1.0, 0.5]}, "doubts.3"),
        ({"format": 2}, "format"),
        ({"softer": [1.0, 1.0, 1.0, 2.0]}, "softer"),  # of a newer nightsort
    ],
)
def test_parts_that_disagree_are_refused(
    changes: dict[str, Any], says: str, file: Path, bundle: Bundle
) -> None:
    rewrite(file, **changes)
    assert says in refusal_of(file, bundle)


def test_card_that_is_no_json_is_refused(file: Path, bundle: Bundle) -> None:
    held = arrays.unpacked(file.read_bytes())
    held.pop("sha256")
    held["card"] = np.frombuffer(b"{", np.uint8)
    digest = np.frombuffer(bytes.fromhex(version._digest_of(held)), np.uint8)
    file.write_bytes(arrays.packed(held | {"sha256": digest}))
    assert "its card is not valid JSON" in refusal_of(file, bundle)


def test_version_over_another_network_is_refused_with_what_to_do(
    file: Path, bundle: Bundle
) -> None:
    replace_model(bundle.folder, b"TFL3, another one")
    refusal = refusal_of(file, load_bundle(bundle.folder))
    assert "was learnt over made-up 1" in refusal
    assert "learn again, or put that model back" in refusal


def test_version_that_takes_other_features_is_refused(file: Path, bundle: Bundle) -> None:
    change_card(bundle.folder, {"outputs": {"logits": 4, "embedding": 65}})
    assert "takes other features than its base gives" in refusal_of(
        file, load_bundle(bundle.folder)
    )
