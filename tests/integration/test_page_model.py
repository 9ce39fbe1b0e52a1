"""The model that the page predicts with: the version in use, the next when it is adopted."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from PIL import ImageOps
from structlog.testing import capture_logs

from config.errors import ModelError
from config.settings import Settings
from tests.support.bundles import copy_of_real_bundle, flip_a_byte
from tests.support.photos import draw_photo, photo_bytes
from tests.support.processes import Site
from tests.unit.web.test_throttle import Clock
from web.predictions import Judged
from web.predictions.judging import Judge, Kept
from web.reading.verdicts import AGAIN_SECONDS, ModelInUse


def settings_of(site: Site, model_dir: Path | None = None) -> Settings:
    folders = {
        "incoming_dir": site.incoming, "sorted_dir": site.sorted, "results_dir": site.results,
        "state_dir": site.state,
    }  # fmt: skip
    return Settings.model_validate(folders | ({"model_dir": model_dir} if model_dir else {}))


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with a version that was learnt and not adopted yet."""
    site = Site.make(tmp_path_factory.mktemp("learnt"))
    for label in ("Boxes", "Spectacles"):
        folder = site.folder / "labelled" / label
        folder.mkdir(parents=True)
        for seed in range(24):
            picture = draw_photo(seed + 100 * (label == "Boxes"))
            shown = picture if label == "Boxes" else ImageOps.invert(picture)
            shown.save(folder / f"x{seed}x.jpg")
    done = site.nightsort("learn", str(site.folder / "labelled"), "--only", "--json")
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def site(learnt: Site, tmp_path: Path) -> Site:
    shutil.copytree(learnt.folder, tmp_path / "site")
    return Site(tmp_path / "site")


def version_of(site: Site) -> Path:
    (version,) = (site.state / "models").glob("*.npz")
    return version


def adopt(site: Site, *history: str) -> None:
    new = site.state / "models" / "new"
    new.write_text(json.dumps({"history": history}), encoding="utf-8")
    new.replace(site.state / "models" / "in-use.json")


def judged(judge: Judge, data: bytes) -> Judged:
    (found,) = judge.judge([BytesIO(data)])
    assert isinstance(found, Judged), found
    return found


def test_a_version_that_is_adopted_judges_from_then_on_and_after_it_the_one_before(
    site: Site,
) -> None:
    judge, name, photo = Judge(settings_of(site), 2), version_of(site).stem, photo_bytes(seed=3)
    before = judged(judge, photo)
    assert judge.facts().title == judge.facts().base == before.model
    assert len(before.best) == 5
    adopt(site, "shipped", name)
    after = judged(judge, photo)  # the same bytes: what was said by another model is not repeated
    assert after.model == f"fashion {name}"
    assert set(after.best) == {"Boxes", "Spectacles"} == set(judge.facts().categories)
    assert judge.facts().base == before.model
    adopt(site, "shipped")
    assert judged(judge, photo) == before


def test_a_damaged_version_changes_nothing_for_who_is_at_work(site: Site) -> None:
    judge, version = Judge(settings_of(site), 1), version_of(site)
    before = judged(judge, photo_bytes(seed=3))
    flip_a_byte(version)
    with capture_logs() as said:
        adopt(site, "shipped", version.stem)
        assert judged(judge, photo_bytes(seed=4)).model == before.model
    assert [one["event"] for one in said] == ["model_refused"]


def test_without_a_model_it_is_tried_again_after_a_while(tmp_path: Path) -> None:
    site, clock = Site.make(tmp_path / "site"), Clock()
    bundle = copy_of_real_bundle(tmp_path / "bundle")
    model = (bundle / "model.tflite").read_bytes()
    flip_a_byte(bundle / "model.tflite")
    in_use = ModelInUse(settings_of(site, bundle), 1, clock)
    with capture_logs() as said:
        for _ in range(3):
            with pytest.raises(ModelError, match="restore"):
                in_use.current()
    assert [one["event"] for one in said] == ["predictions_without_model"]
    (bundle / "model.tflite").write_bytes(model)
    with pytest.raises(ModelError):
        in_use.current()
    clock.now += AGAIN_SECONDS
    assert in_use.current().model.categories


def test_who_comes_while_it_is_loaded_for_the_first_time_waits_for_it(site: Site) -> None:
    judge, photos = Judge(settings_of(site), 2), [photo_bytes(seed=n) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert all(one.model for one in pool.map(lambda photo: judged(judge, photo), photos))


def test_the_same_bytes_are_judged_once_by_a_model(site: Site) -> None:
    judge, photo = Judge(settings_of(site), 1), photo_bytes(seed=5)
    assert judged(judge, photo) is judged(judge, photo)
    two = judge.judge([BytesIO(photo), BytesIO(b"text"), BytesIO(photo_bytes(seed=6))])
    assert [type(one).__name__ for one in two] == ["Judged", "PhotoError", "Judged"]


def test_what_is_remembered_is_bounded_and_the_oldest_goes() -> None:
    from tests.support.classifiers import verdict

    kept = Kept(most=2)
    one = Judged(verdict(), "m")
    for key in (b"a", b"b"):
        kept.add((key, 1), one)
    assert kept.find((b"a", 1)) is one
    kept.add((b"c", 1), one)
    assert [kept.find((key, 1)) for key in (b"a", b"b", b"c")] == [one, None, one]
    assert kept.find((b"a", 2)) is None


def test_where_the_version_in_use_is_damaged_at_the_start_the_one_before_judges(
    site: Site,
) -> None:
    adopt(site, "shipped", version_of(site).stem)
    flip_a_byte(version_of(site))
    model = ModelInUse(settings_of(site), 1)
    with capture_logs() as logs, model.lease() as leased:
        assert leased.model.title == model.base
    assert [one["event"] for one in logs] == ["model_refused", "predictions_ready"]
