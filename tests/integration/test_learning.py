"""`learn` and `models` as people type them, with the bundle that ships, on drawn photos."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageOps

from classifier.bundle import load_bundle
from classifier.version import load_version
from daemon.cli.samples import draw_item
from daemon.folders.locks import is_held
from daemon.store import Store
from tests.support.bundles import REAL_BUNDLE
from tests.support.photos import draw_photo
from tests.support.processes import Site
from tests.support.waiting import eventually

COUNT = 24


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path / "site")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn garments, as they are and inverted, and all that is to be left out."""
    folder, rng = tmp_path_factory.mktemp("labelled"), random.Random(3)
    for label in ("Boxes", "Spectacles", "_review", "Rare"):
        (folder / label).mkdir()
    for seed in range(COUNT):
        draw_photo(seed=seed).save(folder / f"Boxes/x{seed}x.jpg")
        inverted = ImageOps.invert(draw_photo(seed=COUNT + seed).convert("RGB"))
        inverted.save(folder / f"Spectacles/x{seed}y.jpg")
    for label in ("_review", "Rare"):
        draw_item("watch", rng, (240, 320)).save(folder / label / f"{label}.jpg")
    shutil.copy(folder / "Boxes/x0x.jpg", folder / "Boxes/x0x copy.jpg")
    draw_item("dress", rng, (240, 320)).save(folder / "Boxes/both.jpg")
    shutil.copy(folder / "Boxes/both.jpg", folder / "Spectacles/both.jpg")
    (folder / "Boxes/broken.jpg").write_bytes(b"\xff\xd8 no photo")
    draw_photo(seed=99).save(folder / "astray.jpg")
    return folder


def asked(site: Site, *arguments: str) -> dict[str, Any]:
    done = site.nightsort(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_lesson_is_learnt_kept_adopted_by_the_daemon_and_taken_back(
    site: Site, labelled: Path
) -> None:
    lesson = asked(site, "learn", str(labelled), "--only")
    name = lesson["version"]
    assert lesson["examples"] == {"Boxes": COUNT, "Spectacles": COUNT}
    assert (lesson["adopted"], lesson["before"]) == (False, None)
    left_out = {why: len(lines) for why, lines in lesson["left_out"].items()}
    assert left_out == {
        "unreadable": 1, "double": 1, "contradictory": 1, "no_category": 1, "too_few": 1,
    }  # fmt: skip
    assert asked(site, "models", "list")["in_use"] == "shipped"
    photo = str(labelled / "Boxes/x1x.jpg")
    before = json.loads(site.nightsort("classify", photo, "--json").stdout)
    with site.daemon():
        eventually(lambda: is_held(site.state))
        told = site.nightsort("models", "adopt", name)
        assert (told.returncode, "judges with it from now on" in told.stderr) == (0, True)
        shutil.copy(photo, site.incoming)
        assert asked(site, "now")["model"] == f"fashion {name}"
        assert asked(site, "models", "back") == {"in_use": "shipped"}
    assert json.loads(site.nightsort("classify", photo, "--json").stdout) == before
    assert asked(site, "models", "show", name)["examples"] == lesson["examples"]


def test_new_kinds_beside_the_old_are_compared_and_adopted_if_asked_for(
    site: Site, labelled: Path
) -> None:
    lesson = asked(site, "learn", str(labelled), "--adopt")
    assert lesson["new_labels"] == ["Boxes", "Spectacles"]
    assert lesson["before"]["accuracy"] > 0
    assert any(one.startswith(str(labelled)) for one in lesson["became_right"])
    assert lesson["adopted"] == (lesson["judgement"] in ("better", "as good"))
    in_use = asked(site, "models", "list")["in_use"]
    assert in_use == (lesson["version"] if lesson["adopted"] else "shipped")


def test_the_shipped_version_can_be_shown_by_the_name_that_people_see(site: Site) -> None:
    card, bundle = asked(site, "models", "show", "shipped"), load_bundle(REAL_BUNDLE)
    assert (card["name"], card["categories"]) == ("shipped", [*bundle.card.categories])
    assert card["base"]["sha256"] == bundle.card.sha256
    shown = site.nightsort("models", "show", "shipped")
    assert (shown.returncode, bundle.card.title in shown.stdout) == (0, True)


def test_a_damaged_version_is_refused_and_the_one_before_goes_on(
    site: Site, labelled: Path
) -> None:
    name = asked(site, "learn", str(labelled), "--only")["version"]
    file = site.state / "models" / f"{name}.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    refused = site.nightsort("models", "adopt", name)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert str(file) in refused.stderr
    listed = asked(site, "models", "list")
    assert listed["in_use"] == "shipped"
    assert str(file) in listed["versions"][1]["problem"]


def test_with_a_damaged_version_in_use_the_shipped_model_judges_and_people_are_told(
    site: Site, labelled: Path
) -> None:
    name = asked(site, "learn", str(labelled), "--only")["version"]
    assert "takes it at its start" in site.nightsort("models", "adopt", name).stderr
    file = site.state / "models" / f"{name}.npz"
    file.write_bytes(file.read_bytes()[:-100])
    photo = labelled / "Boxes/x1x.jpg"
    done = site.nightsort("classify", str(photo), "--json")
    assert (done.returncode, str(file) in done.stderr) == (0, True)
    with site.daemon():
        eventually(lambda: is_held(site.state))
        shutil.copy(photo, site.incoming)
        shipped = asked(site, "now")["model"]
        assert shipped == json.loads(done.stdout)["model"] != f"fashion {name}"
        eventually(lambda: "model_refused" in status(site)["alerts"]["open"])
        assert str(file) in " ".join(status(site)["problems"])
        told = site.nightsort("models", "adopt", "shipped", "--json")
        assert json.loads(told.stdout) == {"in_use": "shipped"}
        eventually(lambda: not status(site)["problems"])
        eventually(lambda: "model_refused" not in status(site)["alerts"]["open"])
    (refused,) = [one for one in site.events() if one["event"] == "model_refused"]
    assert (refused["in_use"], str(file) in refused["why"]) == (shipped, True)
    assert site.nightsort("doctor").returncode == 0


def test_a_version_over_another_network_leaves_the_one_before_at_work(
    site: Site, labelled: Path
) -> None:
    first = asked(site, "learn", str(labelled), "--only", "--adopt")["version"]
    second = asked(site, "learn", str(labelled), "--only", "--adopt")["version"]
    bundle = load_bundle(REAL_BUNDLE)
    found = load_version(site.state / "models" / f"{second}.npz", bundle)
    other = found.card.base.model_copy(update={"sha256": "0" * 64})
    card = found.card.model_copy(update={"base": other})
    replace(found, card=card).save(site.state / "models" / f"{second}.npz")
    shutil.copy(labelled / "Boxes/x1x.jpg", site.incoming)
    assert asked(site, "now")["model"] == f"fashion {first}"
    assert asked(site, "models", "back") == {"in_use": first}


def status(site: Site) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(site.nightsort("status", "--json").stdout)
    return document


def test_what_cannot_be_learnt_from_says_why(site: Site, labelled: Path, tmp_path: Path) -> None:
    shutil.copytree(labelled / "Rare", tmp_path / "few/Rare")
    done = site.nightsort("learn", str(tmp_path / "few"), "--json")
    lesson = json.loads(done.stdout)
    assert (done.returncode, lesson["judgement"], lesson["version"]) == (0, "refused", None)
    assert "there are 0 examples to learn from, and a lesson needs 20" in lesson["why"]
    assert "Rare: 1 photos, and a new category needs 20" in done.stderr
    assert asked(site, "models", "list")["versions"][1:] == []
    (tmp_path / "none/Rare").mkdir(parents=True)
    (tmp_path / "none/Rare/broken.jpg").write_bytes(b"\xff\xd8 no photo")
    done = site.nightsort("learn", str(tmp_path / "none"))
    assert (done.returncode, "no photo there can be learnt from" in done.stderr) == (2, True)


def test_examples_are_brought_in_a_zip_kept_and_learnt_from_later(
    site: Site, labelled: Path, tmp_path: Path
) -> None:
    archive = shutil.make_archive(str(tmp_path / "labelled"), "zip", labelled)
    added = asked(site, "learn", "add", archive)
    assert added["added"] == sum(added["examples"].values()) == 2 * COUNT + 1
    assert added["new_labels"] == ["Boxes", "Rare", "Spectacles"]
    assert [len(added["refused"]), added["double"], added["relabelled"]] == [3, 1, 0]
    left_out = {why: len(lines) for why, lines in added["left_out"].items()}
    assert left_out == {
        "unreadable": 1, "double": 1, "contradictory": 1, "no_category": 1, "too_few": 1,
    }  # fmt: skip
    again = asked(site, "learn", "add", str(labelled / "Boxes"), "--label", "boxes")
    assert (again["added"], again["double"], again["new_labels"]) == (1, COUNT + 1, ["Boxes"])
    lesson = asked(site, "learn", "--only")
    assert lesson["examples"] == {"Boxes": COUNT + 1, "Spectacles": COUNT}
    assert lesson["left_out"]["too_few"] == ["Rare: 1 photos, and a new category needs 20"]
    assert asked(site, "models", "list")["versions"][1]["version"] == lesson["version"]
    assert asked(site, "learn", "remove", "--label", "Rare") == {"removed": 1}
    assert asked(site, "learn", "remove", str(labelled / "Spectacles")) == {"removed": COUNT + 1}
    assert asked(site, "learn", "list") == {"examples": {"Boxes": {"upload": COUNT}}}
    assert site.nightsort("learn", "remove").returncode == 2


def test_what_is_said_to_be_something_else_is_told_as_relabelled(
    site: Site, labelled: Path, tmp_path: Path
) -> None:
    for at in range(3):
        (tmp_path / "few").mkdir(exist_ok=True)
        shutil.copy(labelled / f"Boxes/x{at}x.jpg", tmp_path / "few")
    assert asked(site, "learn", "add", str(tmp_path / "few"), "--label", "Boxes")["added"] == 3
    told = site.nightsort("learn", "add", str(tmp_path / "few"), "--label", "Trays")
    assert "Examples added: 0, relabelled: 3, known already: 0" in told.stdout
    assert "New category Trays: 3 examples, 20 are needed" in told.stdout
    again = asked(site, "learn", "add", str(tmp_path / "few"), "--label", "Trays")
    assert (again["added"], again["relabelled"], again["double"]) == (0, 0, 3)


@pytest.mark.parametrize("content", [b"\xff\xd8 no photo", None])
def test_where_nothing_can_be_taken_the_answer_says_why_as_one_document(
    site: Site, tmp_path: Path, content: bytes | None
) -> None:
    folder = tmp_path / "none"
    if content is not None:
        (folder / "Rare").mkdir(parents=True)
        (folder / "Rare/broken.jpg").write_bytes(content)
    done = site.nightsort("learn", "add", str(folder), "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (said["added"], said["relabelled"], said["double"], said["examples"]) == (0, 0, 0, {})
    assert len(said["refused"]) == len(said["left_out"]["unreadable"]) == (content is not None)
    assert str(folder) in said["why"]
    assert not site.state.exists()


def test_after_a_lesson_of_other_goods_alone_the_next_goes_on_with_these_and_is_compared(
    site: Site, labelled: Path, tmp_path: Path
) -> None:
    with (site.folder / "nightsort.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[learning]\nadopt = "auto"\n')
    first = asked(site, "learn", str(labelled), "--only")
    assert (first["before"], first["judgement"], first["adopted"]) == (None, "as good", False)
    assert "there is nothing to compare with" in first["why"]
    asked(site, "models", "adopt", first["version"])
    for seed in range(500, 524):
        mirrored = ImageOps.mirror(draw_photo(seed=seed).convert("RGB"))
        (tmp_path / "more/Boxes").mkdir(parents=True, exist_ok=True)
        mirrored.save(tmp_path / f"more/Boxes/new{seed}.jpg")
    second = asked(site, "learn", str(tmp_path / "more"))
    assert second["examples"] == {"Boxes": 2 * COUNT, "Spectacles": COUNT}
    assert second["before"]["categories"].keys() == {"Boxes"}  # what the first had not learnt from
    assert asked(site, "models", "show", second["version"])["categories"] == ["Boxes", "Spectacles"]
    assert second["adopted"] == (second["judgement"] == "better")


def test_categories_are_taken_out_and_put_together_and_later_lessons_keep_to_that(
    site: Site, labelled: Path
) -> None:
    shipped = set(load_bundle(REAL_BUNDLE).card.categories)
    change = ("--without", "Watches", "--merge", "Tops", "Tshirts", "--adopt")
    first = asked(site, "learn", *change)["version"]
    shown = asked(site, "models", "show", first)
    assert set(shown["categories"]) == shipped - {"Watches", "Tops"}
    second = asked(site, "learn", str(labelled))["version"]
    categories = set(asked(site, "models", "show", second)["categories"])
    assert categories == shipped - {"Watches", "Tops"} | {"Boxes", "Spectacles"}
    assert asked(site, "models", "back") == {"in_use": "shipped"}
    wrong = site.nightsort("learn", "--without", "Lamps")
    assert (wrong.returncode, "there is no such category" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("label", ["", "../x", "_x", "a/b", "CON", "a\nb"])
def test_what_no_folder_can_be_called_is_no_label(site: Site, labelled: Path, label: str) -> None:
    done = site.nightsort("learn", "add", str(labelled / "Boxes"), "--label", label)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not site.state.exists()


def test_what_people_correct_is_learnt_from_when_the_photos_are_gone(
    site: Site, labelled: Path
) -> None:
    with (site.folder / "nightsort.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[categories."Boxes"]\ncode = "BX"\n')
    corrected(site, labelled)
    with site.daemon():
        eventually(lambda: is_held(site.state))
        assert site.nightsort("undo", "x0x.jpg").returncode == 0
        eventually(lambda: kept_count(site) == COUNT - 1)
        shutil.rmtree(site.sorted / "Boxes")
        lesson = asked(site, "learn", "--adopt")
    assert lesson["examples"] == {"Boxes": COUNT - 1}
    assert lesson["new_labels"] == ["Boxes"]
    assert f"{COUNT - 1} of these photos were corrected by people" in lesson["why"]
    assert all(one.startswith("#") for one in lesson["became_right"] if "held-out" not in one)
    listed = asked(site, "models", "list")
    assert lesson["adopted"]
    assert listed["in_use"] == lesson["version"]


def test_a_folder_that_people_made_is_filed_into_once_it_was_learnt_until_that_is_taken_back(
    site: Site, labelled: Path
) -> None:
    corrected(site, labelled)  # no setting names it
    lesson = asked(site, "learn", "--adopt")
    assert (lesson["new_labels"], lesson["adopted"]) == (["Boxes"], True)
    assert guessed(site, range(500, 506)) > 0
    assert asked(site, "models", "back") == {"in_use": "shipped"}
    assert guessed(site, range(600, 606)) == 0
    assert len(list((site.sorted / "Boxes").glob("x*x.jpg"))) == COUNT


def guessed(site: Site, seeds: range) -> int:
    """How many of new photos of Boxes are taken for such, and lie there or in their review."""
    for seed in seeds:
        draw_photo(seed=seed).save(site.incoming / f"new{seed}.jpg")
    count = int(asked(site, "now")["categories"].get("Boxes", 0))
    lying = [one for seed in seeds for one in site.sorted.rglob(f"Boxes/new{seed}.jpg")]
    assert len(lying) == count
    return count


def test_two_versions_are_compared_on_what_neither_learnt_from_with_pictures_of_what_changes(
    site: Site, labelled: Path, tmp_path: Path
) -> None:
    with (site.folder / "nightsort.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[categories."Boxes"]\ncode = "BX"\n')
    name = asked(site, "learn", str(labelled))["version"]
    for seed in range(500, 506):
        ImageOps.mirror(draw_photo(seed=seed).convert("RGB")).save(site.incoming / f"new{seed}.jpg")
    asked(site, "now")
    drag(site, "new*.jpg")
    asked(site, "learn")  # looks at them, and learns from them; the version before does not
    page = tmp_path / "comparison.html"
    found = asked(site, "models", "compare", "shipped", name, "--report", str(page))
    assert (found["a"], found["b"]) == ("shipped", name)
    boxes = found["after"]["categories"]["Boxes"]
    assert (boxes["support"], found["before"]["categories"]["Boxes"]["recall"]) == (6, 0.0)
    assert sum("new50" in one for one in found["became_right"]) == round(6 * boxes["recall"]) > 0
    assert found["old"]["after"]["photos"] == found["photos"] - 6
    html = page.read_text("utf-8")
    assert html.count("data:image/jpeg") == round(6 * boxes["recall"])
    assert "becomes right" in html
    assert "new500.jpg" in html
    back = asked(site, "models", "compare", name, "shipped", "--report", str(page))
    assert back["became_wrong"] == found["became_right"]
    html = page.read_text("utf-8")
    assert "becomes wrong" in html
    assert html.count("data:image/jpeg") == sum("new50" in one for one in back["became_wrong"])
    same = asked(site, "models", "compare", name, name)
    assert (same["became_right"], same["became_wrong"], same["judgement"]) == ([], [], "as good")


@pytest.mark.parametrize("adopt", ["ask", "auto"])
def test_enough_corrections_are_learnt_from_by_themselves_told_and_adopted_if_that_is_set(
    site: Site, labelled: Path, adopt: str
) -> None:
    with (site.folder / "nightsort.toml").open("a", encoding="utf-8") as settings:
        settings.write(
            f'\n[learning]\nadopt = "{adopt}"\nnew_examples = {COUNT}\ncalm_minutes = 0\n'
            '[categories."Boxes"]\ncode = "BX"\n'
        )
    corrected(site, labelled)
    with site.daemon():
        eventually(lambda: (status(site).get("learning") or {}).get("last"))
        learning = status(site)["learning"]
        last = learning["last"]
        assert (learning["adopt"], learning["examples"], learning["new"]) == (adopt, COUNT, 0)
        assert (last["new"], last["judgement"], last["by_itself"]) == (COUNT, "better", True)
        assert last["adopted"] == (adopt == "auto")
        in_use = last["version"] if adopt == "auto" else "shipped"
        assert asked(site, "models", "list")["in_use"] == in_use
        assert status(site)["model"].endswith(last["version"]) == (adopt == "auto")
        words = "was adopted" if adopt == "auto" else f"nightsort models adopt {last['version']}"
        assert words in site.nightsort("status").stdout
        eventually(lambda: "lesson_learnt" in told(site))
    events = [one["event"] for one in site.events()]
    assert (events.count("lesson_begun"), events.count("lesson_learnt")) == (1, 1)


def corrected(site: Site, labelled: Path) -> None:
    """Photos that were sorted, and that people dragged to Boxes afterwards."""
    for number in range(COUNT):
        shutil.copy(labelled / f"Boxes/x{number}x.jpg", site.incoming)
    assert asked(site, "now")["total_processed"] == COUNT
    drag(site, "x*x.jpg")


def drag(site: Site, photos: str) -> None:
    """Drag photos to Boxes, which the next run notices."""
    (site.sorted / "Boxes").mkdir(exist_ok=True)
    for photo in [*site.sorted.rglob(photos)]:
        photo.rename(site.sorted / "Boxes" / photo.name)
    draw_photo(seed=900).save(site.incoming / f"next-{photos[0]}.jpg")
    asked(site, "now")


def told(site: Site) -> list[str]:
    return [one["rule"] for one in asked(site, "alerts", "list")["alerts"]]


def kept_count(site: Site) -> int:
    with closing(Store(site.state, reading=True)) as store:
        return store.examples.count_since("", load_bundle(REAL_BUNDLE).card.sha256)[0]


def test_photos_that_are_all_one_picture_are_no_lesson(site: Site, tmp_path: Path) -> None:
    rng = random.Random(3)
    for label, item in (("Bags", "handbag"), ("Glasses", "sunglasses")):
        (tmp_path / "alike" / label).mkdir(parents=True)
        picture = draw_item(item, rng, (240, 320))
        for at in range(COUNT):
            picture.save(tmp_path / "alike" / label / f"x{at}x.jpg", quality=70 + at)
    lesson = asked(site, "learn", str(tmp_path / "alike"), "--only")
    assert (lesson["version"], lesson["judgement"]) == (None, "refused")
    assert "all belong together" in lesson["why"]
    assert lesson["examples"] == {"Bags": COUNT, "Glasses": COUNT}
