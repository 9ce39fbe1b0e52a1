"""Where settings come from, which of two wins, and what a person is told of a mistake."""

from __future__ import annotations

import json
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config import place, settings
from config.errors import ConfigError
from config.renamed import RENAMED
from config.settings import Settings, load, walk
from config.targets import UrlTarget

FOLDERS = """
incoming_dir = "/srv/in"
sorted_dir = "/srv/out"
results_dir = "/srv/results"
state_dir = "/var/lib/nightsort"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nightsort.toml"


def write(file: Path, text: str) -> Path:
    file.write_text(FOLDERS + text, encoding="utf-8")
    return file


def credential(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))


def problems_of(file: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value).split("\n")


# Where they come from


def test_without_a_file_everything_lies_under_the_current_folder(tmp_path: Path) -> None:
    loaded = load()
    assert loaded.incoming_dir == tmp_path / "nightsort-data" / "incoming"
    assert loaded.state_dir == tmp_path / "nightsort-data" / "state"
    assert loaded.window.mode == "continuous"


def test_with_a_file_the_mode_is_window(file: Path) -> None:
    loaded = load(write(file, ""))
    assert loaded.window.mode == "window"
    assert (loaded.window.start, loaded.window.end) == (time(2), time(6))
    assert loaded.window.zone() is None


def test_named_file_wins_over_the_variable_that_names_one(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSORT_CONFIG", str(write(tmp_path / "other.toml", "[batch]\nsize = 2")))
    assert load(write(file, "[batch]\nsize = 3")).batch.size == 3
    assert load().batch.size == 2


def test_file_in_etc_is_used_when_no_other_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "DEFAULT_FILE", write(file, "[batch]\nsize = 7"))
    assert load().batch.size == 7


def test_file_in_etc_that_may_not_be_read_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder stands for a file without rights: root, who runs these tests in CI, may read all.
    monkeypatch.setattr(place, "DEFAULT_FILE", tmp_path)
    assert problems_of() == [
        f"{tmp_path}: cannot be read (Is a directory); check the file and its rights"
    ]


def test_environment_wins_over_credential_wins_over_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, "[batch]\nsize = 1\nworkers = 1\n[bands]\nauto = 0.5")
    for name in ("NIGHTSORT_BATCH__SIZE", "NIGHTSORT_BATCH__WORKERS"):
        credential(tmp_path / "credentials", name, "2\n", monkeypatch)
    monkeypatch.setenv("NIGHTSORT_BATCH__SIZE", "3")
    loaded = load(file)
    assert (loaded.batch.size, loaded.batch.workers, loaded.bands.auto) == (3, 2, 0.5)


def test_variables_alone_can_stand_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty.toml"
    empty.touch()
    for key in settings.FOLDER_KEYS:
        monkeypatch.setenv(f"NIGHTSORT_{key.upper()}", f"here/{key}")
    assert load(empty).sorted_dir == tmp_path / "here" / "sorted_dir"


def test_relative_folder_in_a_file_belongs_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "nightsort.toml"
    file.parent.mkdir()
    write(file, 'model_dir = "../models/own"')
    assert load(file).model_dir == tmp_path / "models" / "own"


def test_lists_and_tables_are_json_in_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSORT_WINDOW__DAYS", '["sat", "sun"]')
    monkeypatch.setenv("NIGHTSORT_BATCH", '{"size": 4}')
    monkeypatch.setenv("NIGHTSORT_BATCH__WORKERS", "2")
    loaded = load(write(file, ""))
    assert loaded.window.days == ("sat", "sun")
    assert (loaded.batch.size, loaded.batch.workers) == (4, 2)


def test_category_in_a_variable_keeps_its_capitals(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSORT_CATEGORIES__Tshirts__CODE", "TS")
    loaded = load(write(file, '[categories."Tshirts"]\nlocation = "Aisle 3"'))
    assert loaded.categories["Tshirts"].code == "TS"
    assert loaded.categories["Tshirts"].location == "Aisle 3"


def test_alert_target_comes_out_of_a_credential(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [{"url": "mailto://user:geheim@example.org"}]
    credential(tmp_path / "c", "NIGHTSORT_ALERTS__TARGETS", json.dumps(targets), monkeypatch)
    (target,) = load(write(file, "")).alerts.targets
    assert isinstance(target, UrlTarget)
    assert target.url is not None
    assert target.url.get_secret_value() == "mailto://user:geheim@example.org"
    assert target.severities == ("error", "critical")


def test_credentials_of_other_programs_are_left_alone(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential(tmp_path / "c", "tls.key", "x", monkeypatch)
    assert load(write(file, "")).incoming_dir == Path("/srv/in")


def test_settings_are_frozen(file: Path) -> None:
    loaded = load(write(file, ""))
    with pytest.raises(ValueError, match="frozen"):
        loaded.batch.size = 3  # type: ignore[misc]


# What values mean


def test_modes_are_octal_as_people_write_them(file: Path) -> None:
    filing = load(write(file, '[filing]\nfile_mode = "0640"\nfolder_mode = "2770"')).filing
    assert (filing.file_mode, filing.folder_mode) == (0o640, 0o2770)


@pytest.mark.parametrize("mode", ["640", '"0o640"', '"0888"', '"rw"', "true"])
def test_mode_that_is_not_octal_in_quotes_is_refused(file: Path, mode: str) -> None:
    (problem,) = problems_of(write(file, f"[filing]\nfile_mode = {mode}"))
    assert problem.startswith(f"filing.file_mode ({file}) = ")
    assert problem.endswith('must be an octal mode in quotes, such as "0640"')


@pytest.mark.parametrize("start", ['"02:00"', '"2:00"', "02:00:00"])
def test_start_is_a_local_time(file: Path, start: str) -> None:
    assert load(write(file, f"[window]\nstart = {start}")).window.start == time(2)


@pytest.mark.parametrize("start", ["2", '"25:00"', '"02:00+01:00"', '"two"', '"02:60"'])
def test_start_that_is_no_local_time_is_refused(file: Path, start: str) -> None:
    (problem,) = problems_of(write(file, f"[window]\nstart = {start}"))
    assert problem.endswith('must be a local time in quotes, such as "02:00"')


def test_time_zone_is_known(file: Path) -> None:
    window = load(write(file, '[window]\ntimezone = "Europe/Berlin"')).window
    assert window.zone() == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("name", ["Europe/Nowhere", "Europe", "../etc/passwd", "", "/etc/passwd"])
def test_unknown_time_zone_is_refused(file: Path, name: str) -> None:
    (problem,) = problems_of(write(file, f'[window]\ntimezone = "{name}"'))
    assert f'window.timezone ({file}) = "{name}": is no known time zone' in problem


@pytest.mark.parametrize(
    ("layout", "fits"),
    [
        ("{category}", True),
        ("{year}/{month}/{category}", True),
        ("{category}/{year}-{month}-{day}", True),
        ("{year}", False),
        ("/{category}", False),
        ("../{category}", False),
        ("{category}/", False),
        ("{category}/{hour}", False),
    ],
)
def test_layout_holds_the_category_and_stays_inside(file: Path, layout: str, fits: bool) -> None:
    write(file, f'[filing]\nlayout = "{layout}"')
    if fits:
        assert load(file).filing.layout == layout
    else:
        assert problems_of(file)[0].startswith(f'filing.layout ({file}) = "{layout}": must ')


@pytest.mark.parametrize(
    ("key", "value", "other"),
    [
        ("sorted_dir", "/srv/in", "incoming_dir"),
        ("sorted_dir", "/srv/results/../in/sorted", "incoming_dir"),
        ("incoming_dir", "/srv/out/incoming", "sorted_dir"),
        ("state_dir", "/srv/out/state", "sorted_dir"),
        ("results_dir", "/srv/out", "sorted_dir"),
    ],
)
def test_folders_that_lie_in_each_other_are_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, other: str
) -> None:
    monkeypatch.setenv(f"NIGHTSORT_{key.upper()}", value)
    (problem,) = problems_of(write(file, ""))
    assert "give each a folder of its own" in problem
    assert key in problem
    assert other in problem


def test_results_may_lie_inside_sorted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSORT_RESULTS_DIR", "/srv/out/_results")
    assert load(write(file, "")).results_dir == Path("/srv/out/_results")


# What a person is told


def test_several_problems_are_told_at_once(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(
        'incoming_dir = "/srv/in"\nsorted = "/srv/out"\nresults_dir = "/srv/r"\n'
        '[intake]\nsettle_seconds = 0\nrescan = 3\n[window]\nstart = "06:00"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("NIGHTSORT_BATCH__SIZE", "many")
    monkeypatch.setenv("NIGHTSORT_BATCH_SIZE", "3")
    monkeypatch.setenv("NIGHTSORT_WINDOW__DAYS", "mon,tue")
    monkeypatch.setenv("NIGHTSORT_INTAKE__IGNORE", "*.bak")
    credential(tmp_path / "c", "NIGHTSORT_ALERT__TARGETS", "[]", monkeypatch)
    assert sorted(problems_of(file)) == sorted(
        [
            "NIGHTSORT_BATCH_SIZE: no such setting; correct the name or unset it",
            "NIGHTSORT_ALERT__TARGETS: no such setting; correct the name or unset it",
            (
                'window.days (NIGHTSORT_WINDOW__DAYS) = "mon,tue": '
                'must be written as JSON, such as ["first", "second"]'
            ),
            (
                'intake.ignore (NIGHTSORT_INTAKE__IGNORE) = "*.bak": '
                'must be written as JSON, such as ["first", "second"]'
            ),
            'batch.size (NIGHTSORT_BATCH__SIZE) = "many": must be a whole number',
            f"sorted_dir ({file}): is missing; set it",
            f"state_dir ({file}): is missing; set it",
            f"window ({file}): start and end are the same time; set them apart",
            f"intake.settle_seconds ({file}) = 0: must be greater than or equal to 0.1",
            (
                f"intake.rescan ({file}): no such setting (did you mean intake.rescan_seconds?); "
                "correct the name or remove it"
            ),
            (
                f"sorted ({file}): no such setting (did you mean sorted_dir?); "
                "correct the name or remove it"
            ),
        ]
    )


@pytest.mark.parametrize(
    "name", ["NIGHTSORT_", "NIGHTSORT_WINDOW__", "NIGHTSORT_WINDOW__START__X", "nightsort_x"]
)
def test_variable_that_is_no_setting_is_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert problems_of() == [f"{name}: no such setting; correct the name or unset it"]


@pytest.mark.parametrize("text", ["{", "[]", "3", "null", '"window"'])
def test_table_in_a_variable_must_be_a_json_table(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("NIGHTSORT_BATCH", text)
    monkeypatch.setenv("NIGHTSORT_BATCH__SIZE", "3")
    (problem,) = problems_of()
    assert problem.startswith("batch (NIGHTSORT_BATCH) = ")
    assert problem.endswith('must be written as JSON, such as {"key": "value"}')


def test_unknown_key_inside_json_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSORT_BATCH", '{"sizes": 3}')
    assert problems_of() == [
        (
            "batch.sizes (NIGHTSORT_BATCH): no such setting (did you mean batch.size?); "
            "correct the name or remove it"
        )
    ]


def test_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert problems_of(path) == [
        f"{path}: no such settings file; check --config or NIGHTSORT_CONFIG"
    ]


def test_file_that_is_not_toml_is_told_with_the_line(file: Path) -> None:
    file.write_text("a = 1\nb = \n", encoding="utf-8")
    (problem,) = problems_of(file)
    assert problem.startswith(f"{file}: is not valid TOML: Invalid value (at line 2")


def test_file_that_is_not_utf8_is_told(file: Path) -> None:
    file.write_bytes(b'incoming_dir = "/srv/R\xfccksendungen"')
    assert problems_of(file) == [f"{file}: is not UTF-8 text; save it as UTF-8"]


def test_credential_that_cannot_be_read_is_told(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c" / "NIGHTSORT_ALERTS__TARGETS").mkdir(parents=True)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "c"))
    (problem,) = problems_of(write(file, ""))
    assert "the credential cannot be read (Is a directory)" in problem


SECRET = "swordfish"


@pytest.mark.parametrize(
    "targets",
    [
        f'[{{"url": "mailto://u:{SECRET}@x", "severities": ["loud"]}}]',
        f'[{{"url": "mailto://u:{SECRET}@x", "severity": "error"}}]',
        f'[{{"url": ["{SECRET}"]}}]',
        f'[{{"{SECRET}": 1}}',
        f'["{SECRET}"]',
        SECRET,
    ],
)
@pytest.mark.parametrize("source", ["file", "environment", "credential"])
def test_error_never_shows_a_secret(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: str, source: str
) -> None:
    write(file, "")
    name = "NIGHTSORT_ALERTS__TARGETS"
    if source == "file":
        write(file, f"[alerts]\ntargets = {_as_toml(targets)}")
    elif source == "environment":
        monkeypatch.setenv(name, targets)
    else:
        credential(tmp_path / "c", name, targets, monkeypatch)
    assert not any(SECRET in problem for problem in problems_of(file))


SECRETS = [key for key, field in walk(Settings) if "SecretStr" in str(field.annotation)]


def test_there_are_keys_of_secrets() -> None:
    assert {"fleet.postgres", "metrics.heartbeat_url", "mirror.postgres"} <= {*SECRETS}


@pytest.mark.parametrize("key", SECRETS)
def test_no_key_of_a_secret_is_shown_with_its_value(
    file: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    table, _, name = key.partition(".")
    assert not any(SECRET in one for one in problems_of(write(file, f'{table} = "{SECRET}"')))
    for value in (f'["{SECRET}"]', f'"ftp://u {SECRET}"'):
        found = load_or_problems(write(file, f"[{table}]\n{name} = {value}"))
        assert not any(SECRET in one for one in found)
    write(file, "")
    monkeypatch.setenv(f"NIGHTSORT_{table}__{name}".upper(), f"ftp://u {SECRET}")
    assert not any(SECRET in one for one in load_or_problems(file))


def load_or_problems(file: Path) -> list[str]:
    """Some of them take any text."""
    try:
        return [repr(load(file))]
    except ConfigError as exc:
        return str(exc).split("\n")


def _as_toml(targets: str) -> str:
    try:
        json.loads(targets)
    except ValueError:
        return json.dumps(targets)
    return targets.replace('": ', '" = ')


def test_what_is_right_can_be_salvaged_from_settings_that_are_refused(file: Path) -> None:
    write(file, f'[alerts]\ntargets = [{{ url = "json://x/{SECRET}" }}]\n[batch]\nsise = 3')
    assert problems_of(file)
    salvaged = settings.salvage(file)
    assert len(salvaged.alerts.targets) == 1
    assert str(salvaged.state_dir) == "/var/lib/nightsort"
    assert salvaged.batch.size == 32


TWO_TARGETS = """
[[alerts.targets]]
url = "json://one.example"
[[alerts.targets]]
type = "email"
host = "mail.example.com"
from = "n@example.com"
to = ["it@example.com"]
"""


@pytest.mark.parametrize(
    ("mistake", "hosts"),
    [
        ("[alerts]\nerror_rate = 7\n" + TWO_TARGETS, 2),
        (TWO_TARGETS + 'severities = ["all"]', 1),
        (TWO_TARGETS.replace('from = "n@example.com"', ""), 1),
        ('[[alerts.targets]]\nurl = "no address"\n' + TWO_TARGETS, 2),
        # No TOML at all:
        ("[alerts]\nerror_rate = 0,1\n" + TWO_TARGETS, 2),
        ('[batch\nsize = 3\n[window]\nmode = "manual\n' + TWO_TARGETS, 2),
        (TWO_TARGETS + TWO_TARGETS.replace('to = ["', 'to = "'), 3),
        ("[window]\n[window]\n" + TWO_TARGETS, 2),
        # Where a table is no TOML, all of it is left out.
        ('[alerts]\nmorning = 8\ntargets = [{ url = "json://x" }]\nx = "\n', 0),
        (TWO_TARGETS + "# K\xfcche", 2),
    ],
)
def test_a_mistake_silences_nobody_but_the_target_that_it_stands_in(
    file: Path, mistake: str, hosts: int
) -> None:
    write(file, mistake)
    file.write_bytes(file.read_text().encode("latin-1"))
    assert problems_of(file)
    salvaged = settings.salvage(file)
    assert len(salvaged.alerts.targets) == hosts
    assert str(salvaged.state_dir) == "/var/lib/nightsort"


def test_folders_that_do_not_go_together_are_left_out_of_what_is_salvaged(file: Path) -> None:
    file.write_text('incoming_dir = "a"\nsorted_dir = "a"\n[window]\nmode = "manual"')
    assert settings.salvage(file).window.mode == "manual"


def test_of_a_file_that_is_no_toml_the_defaults_are_left(file: Path) -> None:
    file.write_text("[[[")
    assert settings.salvage(file).alerts.targets == ()


def test_loaded_secrets_are_not_printed(file: Path) -> None:
    write(file, f'[alerts]\ntargets = [{{ url = "mailto://u:{SECRET}@x" }}]')
    loaded = load(file)
    assert SECRET not in repr(loaded)
    assert SECRET not in str(loaded.model_dump_json())


@pytest.mark.parametrize(
    ("key", "text"),
    [("secret", SECRET[:8]), ("webhook", f"ftp://{SECRET}"), ("webhook", f"https://x/ {SECRET}")],
)
@pytest.mark.parametrize("source", ["file", "environment", "credential"])
def test_what_signs_a_hand_over_is_checked_and_never_shown(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, text: str, source: str
) -> None:
    write(file, "")
    name = f"NIGHTSORT_HANDOVER__{key.upper()}"
    if source == "file":
        write(file, f"[handover]\n{key} = {json.dumps(text)}")
    elif source == "environment":
        monkeypatch.setenv(name, text)
    else:
        credential(tmp_path / "c", name, text, monkeypatch)
    (problem,) = problems_of(file)
    assert problem.startswith(f"handover.{key} (")
    assert text not in problem
    assert SECRET not in problem


def test_a_hand_over_s_secret_is_read_from_its_credential(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, '[handover]\nwebhook = "https://erp.example.com/in"')
    credential(tmp_path / "c", "NIGHTSORT_HANDOVER__SECRET", SECRET * 3, monkeypatch)
    secret = load(file).handover.secret
    assert secret is not None
    assert secret.get_secret_value() == SECRET * 3
    assert SECRET not in repr(load(file))


def test_long_value_is_shortened(file: Path) -> None:
    (problem,) = problems_of(write(file, f'[window]\ntimezone = "{"x" * 500}"'))
    assert len(problem) < 300


def test_every_key_says_what_it_means() -> None:
    silent = [key for key, field in settings.walk(Settings) if not field.description]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("window = 3", "window ({file}) = 3: must be a table of settings"),
        (
            '[window]\ndays = "mon"',
            'window.days ({file}) = "mon": must be a list, such as ["first", "second"]',
        ),
        ("[window]\ndays = []", "window.days ({file}) = []: must have at least 1 item"),
        (
            '[window]\nmode = "nightly"',
            "window.mode ({file}) = \"nightly\": must be 'window', 'continuous' or 'manual'",
        ),
        ("[batch]\nsize = true", "batch.size ({file}) = true: must be a number"),
        ("[batch]\nsize = 1.5", "batch.size ({file}) = 1.5: must be a whole number"),
        (
            "[intake]\nsettle_seconds = 'soon'",
            'intake.settle_seconds ({file}) = "soon": must be a number',
        ),
        (
            '[filing]\nreview_folder = "maybe"',
            'filing.review_folder ({file}) = "maybe": must be true or false',
        ),
        ("[links]\nsorted = 5", "links.sorted ({file}) = 5: must be text in quotes"),
        ("model_dir = 5", "model_dir ({file}) = 5: must be a path in quotes"),
        ('model_dir = ""', 'model_dir ({file}) = "": must name a folder'),
        (
            '[[alerts.targets]]\nurl = "json://x"\nseverities = ["loud"]',
            (
                "alerts.targets.0.url.severities.0 ({file}): must be 'info', 'warning', 'error' or "
                "'critical'"
            ),
        ),
        (
            "[batchs]\nsize = 1",
            "batchs ({file}): no such setting (did you mean batch?); correct the name or remove it",
        ),
        (
            "[categories.Shirts]\nloc = 1",
            "categories.Shirts.loc ({file}): no such setting; correct the name or remove it",
        ),
    ],
)
def test_each_mistake_is_one_line_in_words_of_the_file(file: Path, text: str, said: str) -> None:
    assert problems_of(write(file, f"{text}\n")) == [said.format(file=file)]


def test_a_list_of_wrong_items_is_not_called_empty_too(file: Path) -> None:
    (problem,) = problems_of(write(file, '[window]\ndays = ["monday"]\n'))
    assert problem.startswith(f"window.days.0 ({file}) = \"monday\": must be 'mon', ")


@pytest.mark.parametrize("name", ["", "a\\u0000b"])
def test_a_folder_without_a_name_is_not_the_folder_that_the_file_lies_in(
    file: Path, name: str
) -> None:
    file.write_text(FOLDERS.replace("/srv/out", name), encoding="utf-8")
    (problem,) = problems_of(file)
    assert problem.startswith(f"sorted_dir ({file}) = ")
    assert problem.endswith(": must name a folder")


def test_a_variable_that_names_no_folder_is_not_the_folder_of_the_command(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSORT_STATE_DIR", "")
    assert place.state_dir(write(file, "")) is None
    assert problems_of(file) == ['state_dir (NIGHTSORT_STATE_DIR) = "": must name a folder']


# Keys that have another name today


def test_key_of_before_is_read_under_its_name_of_today(file: Path) -> None:
    loaded = load(write(file, '[results]\nreturn_id = "order-([0-9]+)"'))
    assert loaded.returns.pattern == "order-([0-9]+)"
    assert loaded.renamed == (
        f"{file}: results.return_id is called returns.pattern today and is read as that; rename it",
    )


def test_name_of_today_counts_where_both_stand(file: Path) -> None:
    text = '[results]\nreturn_id = "old-([0-9]+)"\n[returns]\npattern = "new-([0-9]+)"'
    assert load(write(file, text)).returns.pattern == "new-([0-9]+)"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NIGHTSORT_RESULTS__RETURN_ID", "order-([0-9]+)"),
        ("NIGHTSORT_RESULTS", '{"return_id": "order-([0-9]+)"}'),
    ],
)
def test_variable_of_before_is_read_under_its_name_of_today(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    loaded = load(write(file, ""))
    assert loaded.returns.pattern == "order-([0-9]+)"
    (warning,) = loaded.renamed
    assert "NIGHTSORT_RESULTS__RETURN_ID is called NIGHTSORT_RETURNS__PATTERN today" in warning


def test_what_is_wrong_with_a_key_of_before_is_told_of_todays(file: Path) -> None:
    (problem,) = problems_of(write(file, '[results]\nreturn_id = "order"'))
    assert problem.startswith(f'returns.pattern ({file}) = "order": must hold a group')


def test_other_keys_beside_one_of_before_are_still_unknown(file: Path) -> None:
    (problem,) = problems_of(write(file, '[results]\nreturn_id = "(x)"\nmore = 1'))
    assert problem.startswith(f"results ({file}): no such setting")


def test_keys_of_today_are_settings_and_those_of_before_are_not() -> None:
    known = {name for name, _ in settings.walk(settings.Settings)}
    assert {*RENAMED.values()} <= known
    assert not {*RENAMED} & known


# What editors make of a file


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_file_is_read_as_any_editor_saves_it(file: Path, encoding: str, line_end: str) -> None:
    write(file, '[categories."Röcke"]\nlocation = "Gang 3"')
    text = file.read_text(encoding="utf-8").replace("\n", line_end)
    file.write_bytes(text.encode(encoding))
    assert load(file).categories["Röcke"].location == "Gang 3"
    assert place.state_dir(file) == load(file).state_dir


def test_credential_is_read_as_any_editor_saves_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential(tmp_path / "c", "NIGHTSORT_BATCH__SIZE", "", monkeypatch)
    (tmp_path / "c" / "NIGHTSORT_BATCH__SIZE").write_bytes("7\r\n".encode("utf-16"))
    assert load(write(file, "")).batch.size == 7


def test_file_in_a_code_page_is_refused_with_the_remedy(file: Path) -> None:
    file.write_bytes('incoming_dir = "/srv/Rücksendungen"'.encode("cp1252"))
    assert problems_of(file) == [f"{file}: is not UTF-8 text; save it as UTF-8"]


@pytest.mark.parametrize("contact", ['email = "nobody"', 'name = "two\\nlines"', 'phone = " "'])
def test_whom_people_may_ask_is_one_line_and_an_address(file: Path, contact: str) -> None:
    (problem,) = problems_of(write(file, f"[contact]\n{contact}"))
    assert problem.startswith("contact.")
