"""What a log line looks like to journald, to somebody at a terminal, and to a command's user."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from datetime import datetime

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config import logs
from config.logs import configure, json_line
from config.readable import command_line, plain, terminal_line

log = structlog.get_logger()
AT = "2025-10-13T02:14:07.123+02:00"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def journal() -> io.StringIO:
    stream = io.StringIO()
    configure(service=True, stream=stream)
    return stream


def parsed(line: str) -> dict[str, object]:
    fields = json.loads(line[line.index(">") + 1 :])
    assert isinstance(fields, dict)
    return fields


# As a service


def test_service_writes_one_json_line_with_priority_and_time(journal: io.StringIO) -> None:
    log.info("photo_filed", name="shirt.jpg", category="Shirts", confidence=0.94)
    line = journal.getvalue()
    assert line.startswith('<6>{"timestamp": "')
    assert line.count("\n") == 1
    fields = parsed(line)
    assert datetime.fromisoformat(str(fields.pop("timestamp"))).utcoffset() is not None
    assert fields == {
        "level": "info",
        "event": "photo_filed",
        "name": "shirt.jpg",
        "category": "Shirts",
        "confidence": 0.94,
    }


@pytest.mark.parametrize(
    ("level", "priority"), [("info", 6), ("warning", 4), ("error", 3), ("critical", 2)]
)
def test_priority_follows_the_level(journal: io.StringIO, level: str, priority: int) -> None:
    getattr(log, level)("happened")
    assert journal.getvalue().startswith(f"<{priority}>{{")


def test_service_does_not_log_debug(journal: io.StringIO) -> None:
    log.debug("photos_queued", count=3)
    assert journal.getvalue() == ""


def test_line_is_ascii_whatever_the_name(journal: io.StringIO) -> None:
    log.info("photo_filed", name="Größe\n\udcff\x1b[31m\U0001f455.jpg")
    line = journal.getvalue()
    assert line.isascii()
    assert line.count("\n") == 1
    # A lone surrogate, legal in Python alone, is spelt out.
    assert parsed(line)["name"] == "Größe\n\\udcff\x1b[31m\U0001f455.jpg"


def test_long_field_loses_its_middle_and_nothing_else_changes(journal: io.StringIO) -> None:
    log.warning("photo_quarantined", name="a.jpg", why="begin" + "ä" * 5000 + "end", run="r1")
    line = journal.getvalue()
    fields = parsed(line)
    assert len(line) <= 4095
    assert str(fields["why"]).startswith("begin")
    assert str(fields["why"]).endswith("end")
    assert (fields["name"], fields["run"]) == ("a.jpg", "r1")


def test_too_many_fields_leave_the_essential_ones(journal: io.StringIO) -> None:
    log.info("happened", run="r1", **{f"key{n}": n for n in range(1000)})
    fields = parsed(journal.getvalue())
    assert set(fields) == {"timestamp", "level", "event", "run"}


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


long = st.builds(str.__mul__, st.text(min_size=1, max_size=5), st.integers(500, 3000))


@given(fields=st.dictionaries(st.text(max_size=50), nested | long, max_size=12))
def test_every_line_is_short_valid_json(fields: dict[str, object]) -> None:
    line = json_line({**fields, "timestamp": AT, "level": "info", "event": "happened"})
    assert len(line.encode("ascii")) + 1 < 4096
    assert parsed(line)["event"] == "happened"


def test_exception_is_one_field(journal: io.StringIO) -> None:
    try:
        raise OSError("disk gone")
    except OSError:
        log.exception("loop_failed")
    fields = parsed(journal.getvalue())
    assert str(fields["exception"]).startswith("Traceback")
    assert str(fields["exception"]).endswith("OSError: disk gone")


def test_libraries_warn_through_the_same_log(journal: io.StringIO) -> None:
    logging.getLogger("watchdog.observers").warning("queue %s", "full")
    logging.getLogger("apprise").info("sent")
    fields = parsed(journal.getvalue())
    assert fields["event"] == "library_said"
    assert (fields["library"], fields["text"]) == ("watchdog.observers", "queue full")


def test_python_warnings_go_through_the_same_log(journal: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        configure(service=True, stream=journal)
        warnings.warn("odd file", UserWarning, stacklevel=1)
        logging.captureWarnings(False)
    assert "odd file" in str(parsed(journal.getvalue())["text"])


def test_configuring_twice_says_things_once(journal: io.StringIO) -> None:
    configure(service=True, stream=journal)
    logging.getLogger("apprise").error("bad URL")
    assert journal.getvalue().count("\n") == 1


def test_log_whose_reader_is_gone_does_not_stop_the_work() -> None:
    stream = io.StringIO()
    configure(service=True, stream=stream)
    stream.close()
    log.info("photo_filed", name="a.jpg")


def test_stream_is_looked_up_when_it_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(service=True)
    stand_in = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stand_in)
    log.info("happened")
    assert parsed(stand_in.getvalue())["event"] == "happened"


# At a terminal


def test_terminal_gets_words_and_colour() -> None:
    stream = Terminal()
    configure(service=True, stream=stream)
    log.info("photo_filed", name="shirt-12.jpg", category="Shirts", band="auto", confidence=0.94)
    line = stream.getvalue()
    assert "shirt-12.jpg → Shirts  94.0 %" in line
    assert "\x1b[32mfiled" in line


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"event": "photo_filed", "category": "Shirts", "band": "auto", "confidence": 0.941},
            "02:14:07  filed      a.jpg → Shirts  94.1 %",
        ),
        (
            {"event": "photo_filed", "category": "Shirts", "band": "check", "confidence": 0.8},
            "02:14:07  filed      a.jpg → Shirts  80.0 %, worth a quick look",
        ),
        (
            {
                "event": "photo_filed",
                "category": "Shirts",
                "band": "review",
                "confidence": 0.51,
                "why": "unsure between Shirts and Tshirts",
            },
            "02:14:07  review     a.jpg → Shirts?  51.0 %, unsure between Shirts and Tshirts",
        ),
        (
            {"event": "watch_started", "folder": "/srv/in", "mode": "native"},
            "02:14:07  watching   /srv/in",
        ),
        (
            {"event": "photo_cut_off", "waited_s": 3},
            "02:14:07  waits      a.jpg: its end is missing, the rest may still come",
        ),
        (
            {"event": "photo_duplicate"},
            "02:14:07  duplicate  a.jpg: the same photo is filed already",
        ),
        (
            {"event": "photo_quarantined", "why": "The file is damaged."},
            "02:14:07  set aside  a.jpg: The file is damaged.",
        ),
        (
            {"event": "folder_went_away", "path": "/srv/in", "retry_seconds": 15, "why": ""},
            "02:14:07  folder went away name: a.jpg  path: /srv/in  retry seconds: 15",
        ),
        (
            {"event": "run_finished", "successful": 4, "review": 0, "duplicates": 1},
            "02:14:07  run        r1 ended: 4 filed, 1 duplicate",
        ),
    ],
)
def test_event_in_plain_words(fields: dict[str, object], line: str) -> None:
    event = {"timestamp": AT, "level": "info", "name": "a.jpg", "run": "r1", **fields}
    assert terminal_line(event, colour=False) == line


def test_name_cannot_command_the_terminal() -> None:
    event = {"timestamp": AT, "level": "info", "event": "photo_duplicate", "name": "\x1b]0;x\x07\r"}
    assert terminal_line(event, colour=False).isprintable()
    assert "\\x1b]0;x" in command_line(event)


def test_traceback_stands_below_its_line() -> None:
    event = {"timestamp": AT, "level": "error", "event": "loop_failed", "exception": "a\nb"}
    assert terminal_line(event, colour=False) == "02:14:07  loop failed\n    a\n    b"


def test_terminal_that_knows_no_arrow_gets_a_question_mark() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="latin-1")
    configure(service=False, stream=stream)
    log.warning("photo_filed", name="a.jpg", category="Shirts", confidence=1.0)
    assert buffer.getvalue() == b"warning: filed: a.jpg ? Shirts  99.9 %\n"


# For every other command


def test_command_only_warns(capsys: pytest.CaptureFixture[str]) -> None:
    configure(service=False)
    log.info("photo_filed", name="a.jpg")
    log.warning("latest_not_replaced", run="r1", why="disk full")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "warning: latest not replaced: why: disk full\n"


def test_every_spoken_level_has_a_priority() -> None:
    assert set(logs._PRIORITY) == {"critical", "error", "warning", "info", "debug"}


def test_a_no_break_space_stays_and_what_a_terminal_obeys_does_not() -> None:
    assert plain("92.9\N{NO-BREAK SPACE}%") == "92.9\N{NO-BREAK SPACE}%"
    assert plain("a\x1b[2Jb\u202ec") == "a\\x1b[2Jb\\u202ec"
