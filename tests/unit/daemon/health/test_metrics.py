"""What Prometheus gets to read, and when a heartbeat is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from daemon.health.heartbeat import Heartbeat
from daemon.health.metrics import FILE, Metrics, render
from tests.support.waiting import eventually

RUN: dict[str, Any] = {
    "run": "20251013_020000", "finished": "2025-10-13T02:10:00+02:00", "successful": 12,
    "review": 3, "duplicates": 0, "failed": 1, "deferred": 2, "processing_time_seconds": 4.5,
    "confidence_distribution": {"auto": 10, "check": 2, "review": 3},
}  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    return {
        "judged_ahead": 300,
        "queue": {"waiting": 412, "settling": 1, "retrying": 0},
        "share": {"incoming": "available", "sorted": "is away"},
        "disk": {"state": 5000},
        "problems": [],
        "forecast": {"will_not_fit": 0, "done_by": "2025-10-13T02:10:00+02:00"},
        "last_run": RUN,
        "undecided": {"photos": 14, "oldest": "2025-10-10T02:03:00+02:00"},
        "window": {"mode": "window", "open": False},
    } | changes


def parsed(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """By name: what Prometheus' own parser reads of each gauge, by the values of its labels."""
    families = list(text_string_to_metric_families(text))
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in families
    }


def test_prometheus_reads_what_is_written() -> None:
    at = datetime.fromisoformat("2025-10-13T09:10:00+02:00").timestamp()
    found = parsed(render(document(), at))
    assert all(name.startswith("nightsort_") for name in found)
    assert found["nightsort_queue_photos"] == {
        ("waiting",): 412,
        ("settling",): 1,
        ("retrying",): 0,
    }
    assert found["nightsort_judged_ahead_photos"] == {(): 300}
    assert found["nightsort_folder_available"] == {("incoming",): 1, ("sorted",): 0}
    assert found["nightsort_last_run_band_photos"][("auto",)] == 10
    assert found["nightsort_last_run_photos"][("failed",)] == 1
    assert found["nightsort_last_run_age_seconds"] == {(): 7 * 3600}
    assert found["nightsort_forecast_left_photos"] == {(): 0}
    assert found["nightsort_undecided_photos"] == {(): 14}
    assert found["nightsort_undecided_since_timestamp_seconds"] == {(): 1760054580}


def test_a_label_with_anything_in_it_is_read_back() -> None:
    name = 'a "b" \\ c\n# d'
    found = parsed(render(document(disk={name: 1}), 0.0))
    assert found["nightsort_free_bytes"] == {(name,): 1e6}


def test_before_the_first_run_there_is_nothing_to_say_of_one() -> None:
    assert "last_run" not in render(document(last_run=None, forecast=None), 0.0)


def test_the_file_is_written_at_once_and_again_after_a_run(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path)
    metrics.tell(document(last_run=None))
    first = (tmp_path / FILE).read_text()
    metrics.tell(document(last_run=None, problems=["one"]))
    assert (tmp_path / FILE).read_text() == first  # not due yet
    metrics.tell(document())
    assert "nightsort_last_run_photos" in (tmp_path / FILE).read_text()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_folder_that_refuses_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "missing")
    with capture_logs() as logs:
        metrics.tell(document(last_run=None))
        metrics.tell(document())
    assert [line["event"] for line in logs] == ["metrics_not_written"]


# The heartbeat


class Listener:
    """A web server that counts its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                calls.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/ping/secret"


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever, args=[0.01])
    thread.start()
    yield listener
    listener.server.shutdown()
    thread.join()
    listener.server.server_close()


def open_window(is_open: bool) -> dict[str, Any]:
    return {"mode": "window", "open": is_open}


def test_the_end_of_a_window_is_told_once(listener: Listener) -> None:
    heartbeat = Heartbeat(listener.url)
    for is_open in (False, True, True, False, False):
        heartbeat.tell(document(window=open_window(is_open)))
    eventually(lambda: listener.calls == ["/ping/secret"])


def test_in_other_modes_the_end_of_a_run_is_told(listener: Listener) -> None:
    heartbeat = Heartbeat(listener.url)
    window = {"mode": "continuous", "open": True}
    heartbeat.tell(document(window=window, last_run=None))
    heartbeat.tell(document(window=window))
    eventually(lambda: listener.calls == ["/ping/secret"])


def test_a_window_that_ended_in_trouble_is_not_told(listener: Listener) -> None:
    heartbeat = Heartbeat(listener.url)
    heartbeat.tell(document(window=open_window(True)))
    heartbeat.tell(document(window=open_window(False), problems=["sorted is away"]))
    heartbeat.tell(document(window=open_window(True)))
    heartbeat.tell(document(window=open_window(False)))
    eventually(lambda: len(listener.calls) == 1)


def test_a_server_that_is_down_is_logged_without_the_secret() -> None:
    heartbeat = Heartbeat("http://127.0.0.1:9/ping/secret")
    with capture_logs() as logs:
        heartbeat.tell(document(window=open_window(True)))
        heartbeat.tell(document(window=open_window(False)))
        eventually(lambda: logs)
    assert logs[0]["event"] == "heartbeat_failed"
    assert "secret" not in str(logs)
