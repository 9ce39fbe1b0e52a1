"""What is made of Locust's own files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.load.history import Second, as_csv, read_history, read_totals, steady
from benchmarks.load.pictures import CHARTS, chart, table

# As Locust 2.47 writes them, with fewer columns.
HISTORY = """\
Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,95%,99%
1,5,,Aggregated,0.000000,0.000000,N/A,N/A,N/A
2,50,POST,/predict,90.0,0.0,20,40,60
2,50,,Aggregated,90.0,10.0,20,40,60
3,50,,Aggregated,110.0,10.0,22,44,66
"""
STATS = """\
Type,Name,Request Count,Failure Count,Requests/s,50%,95%,99%
POST,/predict,200,20,100.0,21,42,63
,Aggregated,200,20,100.04,21,42,63
"""


def files(folder: Path) -> tuple[Path, Path]:
    history, stats = folder / "x_stats_history.csv", folder / "x_stats.csv"
    history.write_text(HISTORY)
    stats.write_text(STATS)
    return history, stats


def test_the_history_is_read_and_answers_are_those_that_were_not_shed(tmp_path: Path) -> None:
    history = read_history(files(tmp_path)[0])
    assert history[1] == Second(2.0, 50, 90.0, 10.0, 20.0, 40.0, 60.0)
    assert (len(history), history[0].p99) == (3, 0.0)
    assert steady(history) == 90.0
    assert steady([]) == 0.0


def test_every_second_is_a_line_of_a_table_for_others(tmp_path: Path) -> None:
    first, second, _ = csv.DictReader(as_csv(read_history(files(tmp_path)[0])).splitlines())
    assert first == dict.fromkeys(first, "0.0") | {"at": "1.0", "users": "5"}
    assert (second["requests"], second["failures"], second["p99"]) == ("90.0", "10.0", "60.0")


def test_the_table_has_the_figures_of_before_beside_its_own(tmp_path: Path) -> None:
    found = read_totals(files(tmp_path)[1])
    step = {"name": "nightsort", "users": 50, "answers_per_second": 90.0, "figures": found}
    document = {
        "machine": {"taken": "2026-11-27T02:00+00:00", "cores": 2, "cpu": "a processor"},
        "photos": ["60x80", "12 MP"],
        "steps": [step],
        "drain": {"alone": 100.0, "beside": 91.0, "users": 50},
    }
    said = table(json.loads(json.dumps(document)))
    assert "| nightsort | 50 | 90.0 | 21 | 42 | 63 | 10.0% |" in said
    assert "0.485" in said
    assert "0.91 of its speed" in said


def test_the_charts_are_proper_pictures(tmp_path: Path) -> None:
    history = read_history(files(tmp_path)[0])
    for title, lines in CHARTS.values():
        root = ElementTree.fromstring(chart(title, lines, history))
        drawn = [one for one in root if one.tag.endswith("polyline")]
        assert len(drawn) == len(lines)
        assert all(len(one.attrib["points"].split()) == 3 for one in drawn)
