"""How long calls took, as Prometheus' own parser reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from web.histogram import NAME, SPANS, Histogram


def test_each_call_is_counted_in_its_span_and_all_longer_ones() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.005, 0.006, 0.7, 60.0):
        histogram.add(("/photos/{id}", "200"), seconds)
    histogram.add(("/predict", "503"), 0.2)
    (family,) = text_string_to_metric_families(histogram.text())
    assert (family.name, family.type) == (NAME, "histogram")
    found = {
        (one.name.removeprefix(NAME), one.labels.get("le")): one.value
        for one in family.samples
        if one.labels["path"] == "/photos/{id}"
    }
    assert found["_bucket", "0.005"] == 2
    assert found["_bucket", "0.01"] == 3
    assert found["_bucket", "1.0"] == 4
    assert found["_bucket", "+Inf"] == found["_count", None] == 5
    assert found["_sum", None] == 60.712
    assert len(family.samples) == 2 * (len(SPANS) + 3)


def test_before_the_first_call_it_is_there_and_empty() -> None:
    (family,) = text_string_to_metric_families(Histogram().text())
    assert family.samples == []
