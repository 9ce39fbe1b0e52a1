"""The page's accounts and keys: in each backup, and back from it where the page lost them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.errors import ConfigError
from daemon.maintenance.backups import Backups, Made
from daemon.maintenance.restore import restore
from daemon.store import Store
from daemon.store.page_people import PAGE_DATABASE
from tests.support.two_users import DAEMON, GROUP, WEB, Person, person, shared_folder
from web.database import Key, WebStore
from web.database.restoring import TakenBack
from web.folder import own_folder
from web.reading.acts import Doing
from web.roles import Role

# What the people here did, they did before; what they do after a backup comes later than it.
_BEFORE = timedelta(hours=1)


def made_at() -> datetime:
    return datetime.now(UTC) - _BEFORE


def state_in(folder: Path) -> Path:
    """A state folder with a database."""
    folder.mkdir()
    Store(folder).close()
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return state_in(tmp_path / "state")


@pytest.fixture
def page(state: Path) -> Iterator[WebStore]:
    with closing(WebStore.open(own_folder(state))) as store:
        store.accounts.add("Anna", Role.ADMIN, "$argon2id$of-anna")
        store.accounts.add("Carl", Role.CLERK, "$argon2id$of-carl")
        yield store


def back_up(state: Path) -> Made:
    return Backups(state, None, keep_days=14).make(made_at(), pause=lambda: None)


def named(store: WebStore) -> dict[str, tuple[str, str]]:
    return {one.name: (one.role, one.password) for one in store.accounts.everybody()}


def restored(target: Path, made: Made) -> WebStore:
    """The page beside a database that the backup took the place of."""
    restore(target, made.path, datetime.now(UTC), anyway=True)
    store = WebStore.open(own_folder(target))
    store.take_back(target)
    return store


def test_a_new_machine_has_the_same_people_and_keys_but_no_sessions(
    tmp_path: Path, state: Path, page: WebStore
) -> None:
    key, old = page.keys.add("shop", Role.READER), page.keys.add("old shop", Role.LEAD)
    page.keys.revoke("old shop")
    anna = page.accounts.named("anna")
    assert anna is not None
    session = page.sessions.begin(anna.id)
    made = back_up(state)
    assert (made.contents.accounts, made.contents.keys) == (2, 2)
    with closing(restored(state_in(tmp_path / "new machine"), made)) as new:
        assert named(new) == named(page)
        found = new.keys.find(key)
        assert (found and (found.name, found.role), new.keys.find(old)) == (
            ("shop", Role.READER), None,
        )  # fmt: skip
        assert new.keys.all() == page.keys.all()
        assert new.sessions.find(session, 12) is None


@pytest.mark.parametrize("is_open", [True, False], ids=["running", "stopped"])
def test_both_a_page_that_runs_and_one_that_was_stopped_are_read(
    state: Path, page: WebStore, is_open: bool
) -> None:
    if not is_open:
        page.close()
    assert back_up(state).contents.accounts == 2


def test_whoever_was_removed_since_the_backup_stays_removed_and_a_key_stays_revoked(
    state: Path, page: WebStore
) -> None:
    key = page.keys.add("shop", Role.READER)
    made = back_up(state)
    carl = page.accounts.named("carl")
    assert carl is not None
    page.accounts.remove(carl.id)
    page.keys.revoke("shop")
    page.close()
    with closing(restored(state, made)) as again:
        assert set(named(again)) == {"Anna"}
        assert again.keys.find(key) is None
        again.accounts.add("carl", Role.READER, "$argon2id$new")  # whoever wants may add them
        again.take_back(state)
        assert named(again)["carl"] == (Role.READER, "$argon2id$new")


def test_what_the_page_knows_stays_as_it_is_and_what_it_lost_comes_back(
    state: Path, page: WebStore
) -> None:
    key = page.keys.add("shop", Role.READER)
    made = back_up(state)
    anna = page.accounts.named("anna")
    assert anna is not None
    page.accounts.set_password(anna.id, "$argon2id$newer")
    page.close()
    with closing(sqlite3.connect(state / PAGE_DATABASE)) as db, db:
        db.execute("DELETE FROM accounts WHERE name = 'Carl'")  # lost, not removed
        db.execute("DELETE FROM keys")
    with closing(restored(state, made)) as again:
        assert named(again) == {
            "Anna": (Role.ADMIN, "$argon2id$newer"),
            "Carl": (Role.CLERK, "$argon2id$of-carl"),
        }
        assert isinstance(again.keys.find(key), Key)
        assert [(act.doing, act.whom, act.role) for act in again.acts.untold(10)][-2:] == [
            (Doing.ACCOUNT_TAKEN_BACK, "Carl", "clerk"), (Doing.KEY_TAKEN_BACK, "shop", "reader"),
        ]  # fmt: skip
        done = again.take_back(state)
        assert (done.accounts, done.keys) == (0, 0)


def test_a_page_of_a_newer_form_is_backed_up_and_taken_back_as_far_as_it_is_known(
    tmp_path: Path, state: Path, page: WebStore
) -> None:
    page.close()
    with closing(sqlite3.connect(state / PAGE_DATABASE)) as db, db:
        db.execute("ALTER TABLE accounts ADD COLUMN language TEXT NOT NULL DEFAULT 'fi'")
        db.execute("ALTER TABLE keys ADD COLUMN place TEXT")
        db.execute("PRAGMA user_version = 99")
    made = back_up(state)
    assert made.contents.accounts == 2
    with pytest.raises(ConfigError, match="newer nightsort"):
        WebStore.open(state / "web")
    with closing(restored(state_in(tmp_path / "older"), made)) as older:
        assert named(older) == {
            "Anna": (Role.ADMIN, "$argon2id$of-anna"), "Carl": (Role.CLERK, "$argon2id$of-carl"),
        }  # fmt: skip


def test_a_role_that_only_a_newer_page_knows_keeps_nobody_else_out(
    tmp_path: Path, state: Path, page: WebStore
) -> None:
    page.close()
    with closing(sqlite3.connect(state / PAGE_DATABASE)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE accounts SET role = 'owner' WHERE name = 'Anna'")
    made = back_up(state)
    with closing(restored(state_in(tmp_path / "older"), made)) as older:
        assert set(named(older)) == {"Carl"}


@pytest.mark.parametrize("damage", ["not a database", "tables of another name"])
def test_a_page_that_cannot_be_read_is_left_out_and_told_and_the_rest_is_backed_up(
    state: Path, page: WebStore, damage: str
) -> None:
    page.close()
    if damage == "not a database":
        (state / PAGE_DATABASE).write_bytes(b"no database at all" * 500)
    else:
        with closing(sqlite3.connect(state / PAGE_DATABASE)) as db, db:
            db.execute("ALTER TABLE accounts RENAME TO people")
    with capture_logs() as logs:
        made = back_up(state)
    assert made.contents.accounts == 0
    (told,) = [one for one in logs if one["event"] == "page_left_out"]
    assert "web.db: cannot be read" in told["why"]


def test_without_a_page_there_is_nothing_to_say(state: Path) -> None:
    with capture_logs() as logs:
        made = back_up(state)
    assert (made.contents.accounts, made.contents.keys) == (0, 0)
    assert "page_left_out" not in {one["event"] for one in logs}


def test_a_database_that_is_just_being_made_has_none_to_take_back(
    state: Path, page: WebStore
) -> None:
    for file in state.glob("nightsort.db*"):
        file.unlink()
    sqlite3.connect(state / "nightsort.db").close()
    assert page.take_back(state) == TakenBack(0, 0)
    with closing(sqlite3.connect(state / "nightsort.db")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        assert page.take_back(state) == TakenBack(0, 0)


# By two users

_PAGE = """
import os, sys
from pathlib import Path
from web.database import WebStore
from web.folder import own_folder
from web.roles import Role
folder = own_folder(Path(sys.argv[1]))
store = WebStore.open(folder)
for line in sys.stdin:
    match line.split():
        case ["add", name]: store.accounts.add(name, Role.CLERK, "$argon2id$")
        case ["close"]: store.close()
        case ["open"]: store = WebStore.open(folder)
        case ["back"]: print(store.take_back(folder.parent).accounts, flush=True); continue
        case ["die"]: os.kill(os.getpid(), 9)
    print("done", flush=True)
"""
_DAEMON = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
import structlog
from daemon.maintenance.backups import Backups
from daemon.maintenance.restore import restore
from daemon.store import Store
os.umask(0o007)
structlog.configure(processors=[structlog.processors.JSONRenderer()],
    logger_factory=structlog.PrintLoggerFactory(sys.stderr))
state, count = Path(sys.argv[1]), 0
Store(state).close()
for line in sys.stdin:
    match line.split():
        case ["backup"]:
            count += 1
            made = Backups(state, None, 14).make(datetime.now(UTC), state / f"{count}.db")
            print(made.contents.accounts, flush=True)
        case ["restore", name]:
            restore(state, state / name, datetime.now(UTC)); print("done", flush=True)
"""


@pytest.fixture
def daemon() -> Iterator[tuple[Person, Path]]:
    with shared_folder() as folder:
        state = folder / "state"
        for place, owner in ((state, DAEMON), (state / "web", WEB)):
            place.mkdir()
            os.chown(place, owner, GROUP)
            place.chmod(0o750)
        with person(DAEMON, _DAEMON, state) as one:
            yield one, state


def test_the_daemon_reads_them_as_another_user_beside_the_page_after_it_and_over_its_body(
    daemon: tuple[Person, Path],
) -> None:
    backs_up, state = daemon
    with person(WEB, _PAGE, state) as page:
        page("add anna")
        assert backs_up("backup") == "1"
        page("add carl")
        assert backs_up("backup") == "2"
        page("close")
        assert backs_up("backup") == "2"
        page("open")
        page("add rita")
        assert page("die") == ""
        assert backs_up("backup") == "3"


def test_the_page_takes_back_as_another_user_what_the_daemon_restored(
    daemon: tuple[Person, Path],
) -> None:
    restores, state = daemon
    with person(WEB, _PAGE, state) as page:
        page("add anna")
        assert restores("backup") == "1"
        page("close")
        for file in (state / "web").glob("web.db*"):
            file.unlink()
        assert restores("restore 1.db") == "done"
        page("open")
        assert page("back") == "1"
        assert page("back") == "0"
