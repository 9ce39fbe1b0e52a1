"""What is asked and sorted: /stats, /metrics, and what docs/monitoring makes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.photos import photo_bytes, write_photo
from tests.support.waiting import eventually
from tests.support.web import Page

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
PHOTOS = 12


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A site that has sorted one run, waits for its window, and has a page."""
    page = Page.make(tmp_path_factory.mktemp("web"))
    file = page.site.folder / "nightsort.toml"
    opens = datetime.now() + timedelta(hours=6)  # noqa: DTZ005 - the window is in local time
    window = f'"window"\nstart = "{opens:%H:%M}"\nend = "{opens + timedelta(hours=4):%H:%M}"'
    file.write_text(file.read_text().replace('"manual"', window))
    for n in range(PHOTOS):
        write_photo(page.site.incoming / f"return-{n}.jpg", seed=n)
    # Sharp, light, and none of the known categories, or not sure: somebody has to look.
    write_photo(page.site.incoming / "small.jpg", seed=1, size=(30, 40))
    assert page.site.nightsort("now").returncode == 0
    with page.site.daemon(), page.serving():
        eventually(lambda: httpx.get(f"{page.url}/health").json()["status"] != "down")
        yield page


@pytest.fixture(scope="module")
def client(page: Page) -> Iterator[httpx.Client]:
    with page.client(headers={"authorization": f"Bearer {page.add_key('prometheus')}"}) as client:
        yield client


def summary(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((page.site.results / "summary_latest.json").read_text())
    return found


def metrics(client: httpx.Client) -> dict[str, dict[tuple[str, ...], float]]:
    """By name: each value by its labels' values."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        sample.name: {}
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    } | {
        family.name: {tuple(one.labels.values()): one.value for one in family.samples}
        for family in text_string_to_metric_families(answer.text)
    }


def predictions(stats: dict[str, Any]) -> dict[str, Any]:
    """What /stats says of /predict; nothing where nobody has asked yet."""
    return next((one for one in stats["calls"]["paths"] if one["path"] == "/predict"), {})


def test_stats_count_calls_by_how_they_ended_and_photos_by_band(
    page: Page, client: httpx.Client
) -> None:
    bands = summary(page)["confidence_distribution"]
    before = predictions(client.get("/stats").json())
    for data in (photo_bytes(), photo_bytes(seed=2), b"no photo"):
        client.post("/predict", files={"file": ("a.jpg", data)})
    said = client.get("/stats").json()
    predict = predictions(said)
    more = [predict[kind] - before.get(kind, 0) for kind in ("calls", "refused", "failures")]
    assert more == [3, 1, 0]
    assert 0 < predict["milliseconds"]["p50"] <= predict["milliseconds"]["p99"]
    assert said["calls"]["hour"]["calls"] == said["calls"]["day"]["calls"] >= 3
    today = said["photos"]["today"]
    assert today == said["photos"]["week"] == said["photos"]["all"]
    assert {band: today[band] for band in bands} == bands
    assert today["photos"] == sum(bands.values()) == PHOTOS + 1


def test_prometheus_gets_the_daemons_figures_and_the_pages(
    page: Page, client: httpx.Client
) -> None:
    client.get("/classes")
    client.post("/predict", files={"file": ("a.jpg", b"no photo")})
    found = metrics(client)
    assert found["nightsort_up"] == {(): 1}
    assert set(found["nightsort_queue_photos"]) == {("waiting",), ("settling",), ("retrying",)}
    bands = summary(page)["confidence_distribution"]
    assert {band: found["nightsort_photos"]["all", band] for band in bands} == bands
    assert (summary(page)["model"],) in found["nightsort_model_info"]
    assert found["nightsort_undecided_photos"] == {(): bands["review"]}
    calls = found["nightsort_api_call_seconds"]
    assert calls["/classes", "200", "+Inf"] >= 1
    assert calls["/predict", "422", "+Inf"] >= 1
    assert found["nightsort_web_peak_memory_bytes"][()] < 350e6


def test_a_key_is_needed(page: Page) -> None:
    with page.client() as nobody:
        for path in ("/stats", "/metrics"):
            assert nobody.get(path).status_code == 401


def test_before_there_is_a_daemon_or_a_history_both_answer(tmp_path: Path) -> None:
    page = Page.make(tmp_path / "web")
    with page.serving(), page.client(headers={"x-api-key": page.add_key("shop")}) as client:
        assert client.get("/stats").json()["photos"] is None
        found = metrics(client)
        assert found["nightsort_up"] == {(): 0}
        assert "nightsort_queue_photos" not in found


def names_in(text: str) -> set[str]:
    return set(re.findall(r"nightsort_[a-z_]+", text))


def test_rules_and_dashboard_name_what_is_really_served(page: Page, client: httpx.Client) -> None:
    write_photo(page.site.incoming / "later.jpg", seed=99)
    client.get("/classes")
    eventually(lambda: metrics(client)["nightsort_queue_photos"]["waiting",] == 1, every_s=2)
    served = set(metrics(client))
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads((MONITORING / "grafana.json").read_text())
    expressions += [one["expr"] for panel in board["panels"] for one in panel["targets"]]
    assert len(expressions) > 30
    for expression in expressions:
        assert names_in(expression) - served == set(), expression
        assert expression.count("(") == expression.count(")")
    assert names_in(json.dumps(board["templating"])) <= served


def test_the_rules_say_what_to_do_and_each_stands_once() -> None:
    rules = [
        rule
        for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert "$labels.instance" in rule["annotations"]["summary"]


def test_no_rule_takes_predictions_that_give_way_to_the_night_for_a_failure() -> None:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    for name in ("NightsortApiSheds", "NightsortPredictionsSlow"):
        assert rules[name].endswith("unless on (instance) nightsort_sorting == 1")
    assert 'status!="503"' in rules["NightsortApiFails"]


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    board = json.loads((MONITORING / "grafana.json").read_text())
    taken = [
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
