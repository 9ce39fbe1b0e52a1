"""What people and scripts get from `classify` and `evaluate`, and from every command gone wrong."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from daemon.domain.runs import Progress
from daemon.service.control_client import SOCKET, ask_for_run
from tests.support.bundles import change_card, copy_of_real_bundle, flip_a_byte
from tests.support.disks import sealed
from tests.support.photos import write_photo
from tests.support.processes import Site, clean_environment, command
from tests.support.waiting import DEADLINE_SECONDS, eventually

LINE_KEYS = [
    "path", "category", "confidence", "band", "reason", "reason_text", "alternatives", "model",
]  # fmt: skip
CHATTER = ("Traceback", "INFO:", "WARNING:", "XNNPACK", "delegate", "Warning")

ROOT = Path(__file__).parents[2]
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.make(tmp_path / "site")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good photos, one in a folder below, and a text that is called a photo."""
    folder = tmp_path_factory.mktemp("photos")
    write_photo(folder / "a.jpg", seed=1)
    (folder / "sub").mkdir()
    write_photo(folder / "sub" / "c.JPG", seed=2)
    (folder / "b.jpg").write_text("Please call the customer back.", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    for number, category in enumerate(("Shirts", "Tshirts", "Boots")):
        (folder / category).mkdir()
        for seed in range(2):
            write_photo(folder / category / f"{seed}.jpg", seed=10 * number + seed)
    return folder


def nightsort(*arguments: str, cwd: Path, **environment: str) -> Done:
    """The command without a settings file, in a folder of its own."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        env=clean_environment() | environment,
        check=False,
    )


def append(site: Site, text: str) -> None:
    """Add to the settings file."""
    with (site.folder / "nightsort.toml").open("a", encoding="utf-8") as file:
        file.write(text)


def answer_of(done: Done, code: int = 0) -> str:
    """What a command that worked printed; the rest of what it said must be clean."""
    assert done.returncode == code, done.stderr
    assert not any(word in done.stderr for word in CHATTER), done.stderr
    return done.stdout


def error_of(done: Done, code: int) -> str:
    """The one line of a command that failed."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("nightsort: ")
    assert not any(word in line for word in ("Traceback", "Errno", "unexpected")), line
    return line.removeprefix("nightsort: ")


# classify


def test_classify_json_is_one_object_a_line_with_the_promised_keys(
    site: Site, photos: Path
) -> None:
    done = site.nightsort("classify", str(photos), "--json")
    lines = [json.loads(line) for line in answer_of(done, code=1).splitlines()]
    assert [line["path"] for line in lines] == [
        str(photos / name) for name in ("a.jpg", "b.jpg", "sub/c.JPG")
    ]
    assert all(list(line) == LINE_KEYS for line in lines)
    assert done.stderr == ""


def test_classify_json_of_a_good_photo_is_a_whole_verdict(site: Site, photos: Path) -> None:
    line = json.loads(answer_of(site.nightsort("classify", str(photos / "a.jpg"), "--json")))
    assert isinstance(line["category"], str)
    assert 0 < line["confidence"] <= 1
    assert line["band"] in ("auto", "check", "review")
    assert (line["reason"] is None) == (line["band"] != "review")
    assert [list(a) for a in line["alternatives"]] == [["category", "confidence"]] * 2
    assert line["model"].startswith("fashion ")


def test_classify_json_of_an_unreadable_photo_has_no_category_but_a_reason(
    site: Site, photos: Path
) -> None:
    done = site.nightsort("classify", str(photos / "b.jpg"), "--json")
    line = json.loads(answer_of(done, code=1))
    assert (line["category"], line["confidence"], line["band"]) == (None, None, None)
    assert line["reason"] == "not_an_image"
    assert "text" in line["reason_text"]
    assert line["alternatives"] == []


def test_classify_in_words_is_a_line_for_each_photo(site: Site, photos: Path) -> None:
    done = site.nightsort("classify", str(photos))
    lines = answer_of(done, code=1).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        str(photos / "a.jpg"),
        str(photos / "sub/c.JPG"),
    ]
    assert all("%" in line for line in lines)
    assert done.stderr.startswith(f"{photos / 'b.jpg'}: ")
    assert len(done.stderr.splitlines()) == 1


def test_classify_moves_and_writes_nothing(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "a.jpg")
    before = photo.stat()
    answer_of(nightsort("classify", ".", cwd=tmp_path))
    assert [*tmp_path.iterdir()] == [photo]
    assert photo.stat().st_mtime_ns == before.st_mtime_ns


def test_bands_in_the_settings_are_heeded(site: Site, photos: Path) -> None:
    append(site, "[bands]\nauto = 1.0\nreview = 1.0\n")
    done = site.nightsort("classify", str(photos / "a.jpg"), "--json")
    line = json.loads(answer_of(done))
    assert line["band"] == "review" or line["confidence"] == 1.0


def test_names_from_hell_are_judged_and_shown_in_one_harmless_line(tmp_path: Path) -> None:
    name = os.fsdecode(b"\x1b[31m\n\xff.jpg")
    write_photo(tmp_path / name)
    (line,) = answer_of(nightsort("classify", ".", cwd=tmp_path)).splitlines()
    assert line.startswith(r"\x1b[31m\n\xff.jpg: ")
    done = nightsort("classify", ".", "--json", cwd=tmp_path)
    assert json.loads(answer_of(done))["path"] == "\x1b[31m\n\\xff.jpg"


def test_reader_that_goes_away_ends_the_command_quietly(site: Site, photos: Path) -> None:
    arguments = ["classify", *[str(photos / "a.jpg")] * 40]
    with site.start(*arguments) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(DEADLINE_SECONDS) == 1


def test_interrupted_command_says_so_in_one_line(site: Site, photos: Path) -> None:
    arguments = ["classify", *[str(photos / "a.jpg")] * 500]
    with site.start(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, errors.strip()) == (130, "nightsort: interrupted")


# evaluate


def test_evaluate_json_is_the_promised_document(site: Site, labelled: Path) -> None:
    done = site.nightsort("evaluate", str(labelled), "--json")
    document: dict[str, Any] = json.loads(answer_of(done))
    assert list(document) == [
        "images", "accuracy", "ece", "bands", "categories", "confusion", "images_per_second",
        "thresholds",
    ]  # fmt: skip
    assert document["images"] == 6
    assert list(document["bands"]) == ["auto", "check", "review"]
    assert document["confusion"]["labels"] == list(document["categories"])
    assert document["categories"]["Boots"]["support"] == 2
    assert sum(map(sum, document["confusion"]["matrix"])) == 6
    assert done.stderr == ""


def test_evaluate_in_words_is_a_readable_table(site: Site, labelled: Path) -> None:
    done = site.nightsort("evaluate", str(labelled))
    text = answer_of(done)
    assert "of 6 photos right: accuracy" in text.splitlines()[0]
    for title in ("Category", "Precision", "Recall", "F1", "Band", "Mistaken"):
        assert title in text
    assert done.stderr == ""


def test_evaluate_writes_a_page_beside_its_figures(site: Site, labelled: Path) -> None:
    page = site.folder / "evaluation.html"
    done = site.nightsort("evaluate", str(labelled), "--json", "--report", str(page))
    assert json.loads(answer_of(done))["images"] == 6
    text = page.read_text(encoding="utf-8")
    assert "How right the model is" in text
    assert text.count("data:image/jpeg;base64,") >= 2  # Boots are no category


def test_page_that_cannot_be_is_refused_before_any_photo_is_judged(
    site: Site, labelled: Path
) -> None:
    for page in (str(site.folder / "no" / "p.html"), str(site.folder), ".", "/", ""):
        done = site.nightsort("evaluate", str(labelled), "--report", page)
        wrong = error_of(done, 2)
        assert "--report" in wrong
        assert str(Path(page)) in wrong or str(Path(page).parent) in wrong


def test_page_in_a_folder_that_may_not_be_written_to_is_refused_as_well(
    site: Site, labelled: Path
) -> None:
    pages = site.folder / "pages"
    pages.mkdir()
    with sealed(pages):
        done = site.nightsort("evaluate", str(labelled), "--report", str(pages / "p.html"))
    assert str(pages) in error_of(done, 2)


def test_page_that_cannot_be_written_fails_in_words_after_the_figures(
    site: Site, labelled: Path
) -> None:
    page = site.folder / f"{'p' * 300}.html"  # longer than any file system takes
    done = site.nightsort("evaluate", str(labelled), "--report", str(page))
    assert done.returncode == 1
    assert "of 6 photos right: accuracy" in done.stdout
    (wrong,) = done.stderr.splitlines()
    assert str(page) in wrong


def test_evaluate_leaves_unreadable_photos_out_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "Shirts").mkdir()
    write_photo(tmp_path / "Shirts" / "a.jpg")
    (tmp_path / "Shirts" / "b.jpg").write_bytes(b"")
    done = nightsort("evaluate", ".", "--json", cwd=tmp_path)
    assert json.loads(answer_of(done))["images"] == 1
    assert done.stderr.startswith("Shirts/b.jpg: left out: ")


def test_table_can_be_printed_in_any_encoding(tmp_path: Path, labelled: Path) -> None:
    done = nightsort("evaluate", str(labelled), cwd=tmp_path, PYTHONIOENCODING="latin-1")
    assert "accuracy" in answer_of(done)


def test_evaluate_without_one_readable_photo_fails_in_words(tmp_path: Path) -> None:
    (tmp_path / "Shirts").mkdir()
    (tmp_path / "Shirts" / "b.jpg").write_bytes(b"")
    done = nightsort("evaluate", ".", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not one photo could be read" in done.stderr.splitlines()[-1]


def test_ctrl_c_while_a_library_is_loaded_is_no_defect(tmp_path: Path) -> None:
    """C code that is interrupted so makes an error of its own of it."""
    code = (
        "import click, sys\nfrom daemon.cli import main as module\n"
        "def interrupted(**_):\n"
        "    try:\n        raise KeyboardInterrupt\n"
        "    except KeyboardInterrupt as exc:\n"
        "        raise ImportError('initialization failed') from exc\n"
        "module.cli.main = interrupted\nmodule.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "nightsort: interrupted\n")


# A terminal


def on_a_terminal(*arguments: str, cwd: Path, answer_too: bool = False) -> tuple[str, str, int]:
    """What stdout got, what the terminal showed, and the exit code.

    answer_too: stdout is the terminal as well, else only stderr.
    """
    shows, writes = pty.openpty()
    with (
        ThreadPoolExecutor(1) as looker,
        subprocess.Popen(
            command(*arguments),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=writes if answer_too else subprocess.PIPE,
            stderr=writes,
            env=clean_environment() | {"TERM": "xterm", "COLUMNS": "200"},
        ) as process,
    ):
        os.close(writes)
        shown = looker.submit(all_that_is_shown, shows)
        answer = b"" if process.stdout is None else process.stdout.read()
        code = process.wait(DEADLINE_SECONDS)
    os.close(shows)
    return answer.decode(), shown.result().decode(), code


def all_that_is_shown(terminal: int) -> bytes:
    seen = b""
    with suppress(OSError):  # how Linux says that nobody has the terminal open any more
        while piece := os.read(terminal, 65536):
            seen += piece
    return seen


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_the_answer_stays_clean(
    tmp_path: Path, labelled: Path
) -> None:
    answer, shown, code = on_a_terminal("evaluate", str(labelled), "--json", cwd=tmp_path)
    assert code == 0
    assert json.loads(answer)["images"] == 6
    assert "looking" in shown
    assert "6/6" in shown


def test_verdicts_on_a_terminal_are_not_mixed_with_a_bar(tmp_path: Path, photos: Path) -> None:
    _, shown, code = on_a_terminal("classify", str(photos), cwd=tmp_path, answer_too=True)
    assert code == 1
    assert len(shown.splitlines()) == 3
    assert "\x1b" not in shown


def test_problems_stay_readable_beside_a_bar(tmp_path: Path, photos: Path) -> None:
    answer, shown, _ = on_a_terminal("classify", str(photos), cwd=tmp_path)
    assert len(answer.splitlines()) == 2
    (line,) = [line for line in shown.splitlines() if "b.jpg: " in line]
    assert "looking" not in line


# Wrong use


WRONG_USE = {
    "missing file": (["classify", "nowhere.jpg"], "nowhere.jpg: no such file or folder"),
    "folder without photos": (["classify", "empty"], "empty: no photos there"),
    "no labelled photos": (["evaluate", "empty"], "empty: no photos in empty/<category>/"),
    "missing folder": (["evaluate", "nowhere"], "nowhere: no such file or folder"),
    "file as folder": (["evaluate", "notes"], "notes: no folder; name the one that holds"),
    "missing export": (["audit", "verify", "nowhere"], "nowhere: there is no such file"),
    "no export": (["audit", "verify", "notes"], "notes: is no export"),
    "folder as export": (["audit", "verify", "empty"], "empty: cannot be read (Is a directory)"),
    "missing examples": (["learn", "add", "nowhere"], "nowhere: no such file or folder"),
    "missing backup": (["restore", "nowhere"], "nowhere: there is no such file"),
    "full folder": (["demo", "--keep", "."], ". is not empty"),
    "missing archive": (["archive", "nowhere", "--out", "out"], "nowhere: no such file or folder"),
    "unknown option": (["classify", "--quick", "a.jpg"], "No such option '--quick'"),
    "unknown option of all": (["--quick", "classify"], "No such option '--quick'"),
    "unknown command": (["clasify", "a.jpg"], "No such command 'clasify'"),
    "nothing named": (["classify"], "Missing argument 'PATHS...'"),
    "missing settings": (["--config", "nowhere.toml", "now"], "no such settings file"),
    "folder as settings": (["--config", "empty", "now"], "cannot be read (Is a directory)"),
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_use_is_one_line_and_exit_code_2(tmp_path: Path, case: str) -> None:
    arguments, message = WRONG_USE[case]
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").write_text("a file")
    assert message in error_of(nightsort(*arguments, cwd=tmp_path), 2)


def test_without_arguments_the_help_is_shown_and_nothing_done(tmp_path: Path) -> None:
    done = nightsort(cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: nightsort ")


def test_version_is_that_of_the_distribution(tmp_path: Path) -> None:
    assert answer_of(nightsort("--version", cwd=tmp_path)) == f"nightsort {version('nightsort')}\n"


def test_installed_command_is_called_nightsort(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("nightsort")
    if not script.exists():
        pytest.skip("nightsort is not installed beside this Python")
    done = subprocess.run([script, "-h"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: nightsort ")


def test_output_that_goes_to_a_full_disk_is_no_defect() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            command("--version"), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "nightsort: no space left where the output goes; send it elsewhere\n"


# Wrong settings and bad models: 2 and 1, but 78 for the daemon


def unknown_key(site: Site) -> None:
    append(site, "[batch]\nsise = 3\n")


def broken_toml(site: Site) -> None:
    append(site, "= 3\n")


WRONG_SETTINGS = {
    unknown_key: "batch.sise (FILE): no such setting (did you mean batch.size?)",
    broken_toml: "FILE: is not valid TOML",
}


def own_model(site: Site) -> Path:
    text = (site.folder / "nightsort.toml").read_text(encoding="utf-8")
    (site.folder / "nightsort.toml").write_text(f'model_dir = "model"\n{text}', encoding="utf-8")
    return site.folder / "model"


def missing_model(site: Site) -> None:
    own_model(site)


def flipped_byte(site: Site) -> None:
    flip_a_byte(copy_of_real_bundle(own_model(site)) / "model.tflite")


def other_labels(site: Site) -> None:
    labels = copy_of_real_bundle(own_model(site)) / "labels.txt"
    labels.write_text("Shirts\nTops\n", encoding="utf-8")


def card_without_json(site: Site) -> None:
    card = copy_of_real_bundle(own_model(site)) / "card.json"
    card.write_text("accuracy: good", encoding="utf-8")


def card_of_another_model(site: Site) -> None:
    bundle = copy_of_real_bundle(own_model(site))
    labels = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["labels"]
    change_card(bundle, {"outputs": {"logits": len(labels), "embedding": 7}})


def other_answers(site: Site) -> None:
    bundle = copy_of_real_bundle(own_model(site))
    test = json.loads((bundle / "card.json").read_text(encoding="utf-8"))["self_test"]
    for specimen in test["specimens"]:
        specimen["logits"] = [value + 1 for value in specimen["logits"]]
    change_card(bundle, {"self_test": test})


BAD_MODELS = {
    other_answers: "fails its self-test: self-test-1.png is 1.0",
    missing_model: "card.json is missing",
    flipped_byte: "model.tflite is not the one that card.json was written for",
    other_labels: "labels.txt does not hold the labels of card.json",
    card_without_json: "card.json is not valid JSON",
    card_of_another_model: "the card says [7, ",
}


@pytest.mark.parametrize("spoil", WRONG_SETTINGS)
@pytest.mark.parametrize("what", [["classify", "x.jpg"], ["now", "--json"], ["status"], ["run"]])
def test_wrong_settings_exit_with_2_but_the_daemon_with_78(
    site: Site, spoil: Any, what: list[str]
) -> None:
    spoil(site)
    line = error_of(site.nightsort(*what), 78 if what == ["run"] else 2)
    message = WRONG_SETTINGS[spoil].replace("FILE", str(site.folder / "nightsort.toml"))
    assert message in line


@pytest.mark.parametrize(("what", "code"), [("now", 2), ("run", 78)])
def test_unknown_setting_in_the_environment_is_refused(
    tmp_path: Path, what: str, code: int
) -> None:
    done = nightsort(what, cwd=tmp_path, NIGHTSORT_BATCH__SISE="3")
    assert "NIGHTSORT_BATCH__SISE: no such setting" in error_of(done, code)
    assert [*tmp_path.iterdir()] == []


def test_every_problem_of_the_settings_is_told_a_line_for_each(site: Site) -> None:
    append(site, "[batch]\nsise = 3\nsize = 0\n")
    done = site.nightsort("now")
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(" (")[0] for line in done.stderr.splitlines()] == [
        "nightsort: batch.size",
        "nightsort: batch.sise",
    ]


@pytest.mark.parametrize("damage", BAD_MODELS)
def test_bad_model_is_refused_before_a_photo_is_touched(
    site: Site, photos: Path, damage: Any
) -> None:
    damage(site)
    photo = write_photo(site.incoming / "a.jpg")
    message = BAD_MODELS[damage]
    assert message in error_of(site.nightsort("classify", str(photos)), 1)
    daemon = site.nightsort("run")
    events = [json.loads(line.partition(">")[2]) for line in daemon.stdout.splitlines()]
    assert [(event["event"], event["rule"]) for event in events] == [
        ("alert_raised", "model_failed")
    ]
    assert message in error_of(replace_stdout(daemon), 78)
    assert site.photos("incoming") == [photo]


def replace_stdout(done: Done) -> Done:
    """As a command that has no log there."""
    return Done(done.args, done.returncode, "", done.stderr)


def test_now_with_a_bad_model_fails_before_a_photo_is_touched(site: Site) -> None:
    flipped_byte(site)
    photo = write_photo(site.incoming / "a.jpg")
    assert BAD_MODELS[flipped_byte] in error_of(site.nightsort("now", "--json"), 1)
    assert site.photos("incoming") == [photo]


def test_wrong_option_of_run_does_not_make_systemd_try_again(tmp_path: Path) -> None:
    assert "No such option '--fast'" in error_of(nightsort("run", "--fast", cwd=tmp_path), 78)


def test_word_run_among_arguments_does_not_make_it_the_daemon(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write_photo(tmp_path / "run" / "a.jpg")
    done = nightsort("classify", "run", cwd=tmp_path, NIGHTSORT_MODEL_DIR="nowhere")
    assert "card.json is missing" in error_of(done, 1)


NO_UTF_8 = os.fsdecode(b"\xff.jpg")


@pytest.mark.parametrize(
    "arguments",
    [["undo"], ["report"], ["results", "rebuild"], ["find"], ["forget"], ["models", "show"],
     ["web", "user", "remove"], ["web", "user", "passwd"], ["web", "key", "revoke"]],
    ids=" ".join,
)  # fmt: skip
def test_a_name_that_is_no_text_names_nothing_that_there_is(
    site: Site, arguments: list[str]
) -> None:
    site.nightsort("backup")  # which makes the database
    line = error_of(site.nightsort(*arguments, NO_UTF_8), 1)
    assert "unexpected" not in line


# Whose folder it is


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
@pytest.mark.parametrize("what", [["now", "--json"], ["run"]])
def test_state_folder_of_another_user_is_refused(site: Site, what: list[str]) -> None:
    photo = write_photo(site.incoming / "a.jpg")
    site.state.mkdir()
    os.chown(site.state, 65534, 65534)
    line = error_of(site.nightsort(*what), 1)
    assert f"{site.state} belongs to nobody, this is root; run the command as nobody" in line
    assert [*site.state.iterdir()] == []
    assert site.photos("incoming") == [photo]


def like_an_ordinary_user(*arguments: str, cwd: Path) -> Done:
    """The command, bound by file permissions whoever runs the tests."""
    without_power = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    if without_power and shutil.which("setpriv") is None:
        pytest.skip("setpriv, which takes root's power away, is not installed")
    return subprocess.run(
        [*without_power, *command(*arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        env=clean_environment(),
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["now"], 2, "state: cannot be made (Permission denied); make it, or set another"),
        (["run"], 78, "state: cannot be made (Permission denied); make it, or set another"),
        (["classify", "locked"], 2, "locked: cannot be looked into (Permission denied)"),
        (["classify", "locked/a.jpg"], 2, "a.jpg: cannot be looked into (Permission denied)"),
        (["learn", "add", "locked/a.zip"], 2, "a.zip: cannot be looked into (Permission denied)"),
        (["evaluate", "photos", "--report", "locked/x.html"], 2, "locked: may not be written to"),
        (["demo", "--keep", "locked/x"], 2, "locked/x: cannot be used (Permission denied)"),
        (["practice", "--folder", "locked/x"], 2, "locked/x: cannot be used (Permission denied)"),
        (["--config", "locked/x/y.toml", "setup"], 2, "locked: may not be written to"),
        (["--config", "secret.toml", "now"], 2, "secret.toml: cannot be read (Permission denied)"),
        (["--config", "secret.toml", "run"], 78, "secret.toml: cannot be read (Permission denied)"),
    ],
)
def test_missing_right_is_told_in_one_line(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    (tmp_path / "secret.toml").touch(mode=0)
    tmp_path.chmod(0o500)
    done = like_an_ordinary_user(*arguments, cwd=tmp_path)
    tmp_path.chmod(0o700)
    assert message in error_of(done, code)


def test_photo_that_may_not_be_read_does_not_keep_others_from_being_judged(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_photo(tmp_path / name)
    (tmp_path / "a.jpg").chmod(0)
    done = like_an_ordinary_user("classify", "a.jpg", "b.jpg", "--json", cwd=tmp_path)
    secret, readable = map(json.loads, answer_of(done, code=1).splitlines())
    assert (secret["category"], secret["reason"]) == (None, "unreadable")
    assert readable["category"] is not None


# Completion


def test_shell_completes_commands_and_options(tmp_path: Path) -> None:
    done = nightsort(
        cwd=tmp_path,
        _NIGHTSORT_COMPLETE="bash_complete",
        COMP_WORDS="nightsort cl",
        COMP_CWORD="1",
    )
    assert answer_of(done) == "plain,classify\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_can_be_had_from_the_command(tmp_path: Path, shell: str) -> None:
    done = nightsort(cwd=tmp_path, _NIGHTSORT_COMPLETE=f"{shell}_source")
    assert "_NIGHTSORT_COMPLETE" in answer_of(done)


# Asking twice at once


def test_whoever_asks_during_a_now_joins_it_and_gets_its_summary(site: Site) -> None:
    photo = write_photo(site.incoming / "a.jpg")
    seen: list[Progress] = []
    with site.start("now", "--json") as now, ThreadPoolExecutor(1) as pool:
        eventually((site.state / SOCKET).exists, within_s=DEADLINE_SECONDS)
        joined = pool.submit(ask_for_run, site.state, seen.append)

        def has_joined() -> bool:
            photo.touch()  # what changes is not taken: the run cannot end before this
            return bool(seen)

        eventually(has_joined, within_s=DEADLINE_SECONDS)
        summary = json.loads(now.communicate(timeout=DEADLINE_SECONDS)[0])
    assert now.returncode == 0
    assert summary["total_processed"] == 1
    assert joined.result() == summary


def test_now_with_nothing_to_do_makes_no_run_and_says_so(site: Site) -> None:
    done = site.nightsort("now")
    assert (answer_of(done), done.stderr) == ("", "Nothing to do.\n")
    summary = json.loads(answer_of(site.nightsort("now", "--json")))
    assert (summary["run"], summary["total_processed"]) == (None, 0)
