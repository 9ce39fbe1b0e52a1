"""The audit chain binds what was judged and said: a later change shows, what is forgotten fits."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.errors import NamedWrongly, RefusedError
from daemon.domain.corrections import Via
from daemon.domain.orders import NotePageActs, Speaker
from daemon.domain.page_acts import Doing, PageAct
from daemon.maintenance.audit import (
    Looked,
    export,
    exported,
    look_through,
    look_through_store,
)
from daemon.sorting.version_copies import copy_versions
from daemon.sorting.versions import Versions
from daemon.store import DATABASE
from daemon.store.schema import STEPS
from daemon.store.schema_parts import AUDIT_OF_MORE, EXAMPLES_TOLD
from tests.integration.test_orders import Reports, carry_out
from tests.integration.test_pick_lists import updater
from tests.support.core import running, tiny_photo
from tests.support.forgetting import ForgettingShop

THE_PAGE = Speaker("the page", Via.PAGE)
SHIRT, TOP = "return-60521.png", "return-60522.png"


class AuditedShop(ForgettingShop):
    """One night, and what was said after it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.updater = lambda: updater(self)

    def kinds(self) -> list[str]:
        return [row.kind for row in self.store.audit.rows()]

    def look(self) -> Looked:
        return look_through_store(self.store)

    def tamper(self, statement: str, *values: object) -> None:
        """As somebody with the rights of nightsort's user can."""
        with closing(sqlite3.connect(self.state / DATABASE)) as db:
            db.create_function("recorded_key", 2, lambda *_: "")
            db.execute(statement, values)
            db.commit()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[AuditedShop]:
    shop = AuditedShop(tmp_path)
    with running(shop):
        shop.drop(SHIRT, tiny_photo("Shirts", 1))
        shop.drop(TOP, tiny_photo("Tops", 2))
        shop.recover_and_drain()
        shop.corrector.correct(SHIRT, "Tops", "Anna")
        shop.corrector.undo(TOP, "Bert")
        yield shop


def number(shop: AuditedShop, name: str) -> int:
    (story,) = shop.store.history.stories(name)
    return story.id


def test_every_verdict_and_every_word_is_bound_once(shop: AuditedShop) -> None:
    assert shop.kinds() == ["begun", "verdict", "verdict", "word", "word"]
    shop.restart()
    shop.recover_and_drain()
    assert shop.kinds() == ["begun", "verdict", "verdict", "word", "word"]
    looked = shop.look()
    assert (looked.rows, looked.bad_row, looked.forgotten) == (5, None, 0)


SAID = "photo, word, before, category, 'E', at, source, target, inode, size_bytes, mtime_ns, 1, via"
CHANGES: dict[str, tuple[str, int]] = {
    "a verdict's category": ("UPDATE photos SET category = 'Shirts' WHERE category = 'Tops'", 3),
    "a confidence": ("UPDATE photos SET confidence = 0.5 WHERE id = 1", 2),
    "who decided": ("UPDATE corrections SET person = 'Petra' WHERE person = 'Anna'", 4),
    "what was decided": ("UPDATE corrections SET category = 'Shirts' WHERE id = 1", 4),
    "when": ("UPDATE audit SET at = '2025-01-01T00:00:00+00:00' WHERE seq = 4", 4),
    "a row taken out": ("DELETE FROM audit WHERE seq = 3", 4),
    "a word taken out": ("DELETE FROM corrections WHERE id = 2", 5),
    "a digest": ("UPDATE audit SET digest = zeroblob(32) WHERE seq = 2", 2),
    "a change made to look forgotten": ("UPDATE audit SET salt = NULL WHERE seq = 3", 5),
    "a word nobody said": (
        f"INSERT INTO corrections SELECT 9, {SAID} FROM corrections WHERE id = 1",
        6,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_somebody_changes_later_shows(shop: AuditedShop, what: str) -> None:
    statement, row = CHANGES[what]
    shop.tamper(statement)
    looked = shop.look()
    assert looked.bad_row == row
    assert looked.why


def test_rows_cut_off_at_the_end_show_by_the_last_link(shop: AuditedShop) -> None:
    before = shop.look().head
    shop.tamper("DELETE FROM audit WHERE seq = 5")
    shop.tamper("DELETE FROM corrections WHERE id = 2")
    assert shop.look().head != before


def test_an_export_can_be_verified_alone_and_shows_each_change(
    shop: AuditedShop, tmp_path: Path
) -> None:
    file = tmp_path / "audit.csv"
    made = export(shop.store, file)
    assert look_through(exported(file)) == made == shop.look()
    text = file.read_text("utf-8-sig")
    file.write_text(text.replace("Anna", "Eve"), "utf-8-sig")
    assert look_through(exported(file)).bad_row == 4
    lines = text.splitlines(keepends=True)
    file.write_text("".join([*lines[:3], *lines[4:]]), "utf-8-sig")
    assert look_through(exported(file)).bad_row == 4
    file.write_text("no export\n", "utf-8")
    with pytest.raises(NamedWrongly, match="is no export"):
        look_through(exported(file))


def test_a_name_that_begins_like_a_formula_is_exported_harmless_and_verified(
    shop: AuditedShop, tmp_path: Path
) -> None:
    shop.drop("=cmd.png", tiny_photo("Shirts", 5))
    shop.clock.advance(60)
    shop.recover_and_drain()
    shop.corrector.correct("=cmd.png", "Tops", "=Anna")
    file = tmp_path / "audit.csv"
    export(shop.store, file)
    assert ",=" not in file.read_text("utf-8-sig")
    assert look_through(exported(file)).bad_row is None


def test_what_is_forgotten_leaves_a_chain_that_holds(shop: AuditedShop, tmp_path: Path) -> None:
    shop.forget(SHIRT)
    assert shop.kinds() == ["begun", "verdict", "verdict", "word", "word", "forgotten"]
    looked = shop.look()
    assert (looked.rows, looked.bad_row, looked.forgotten) == (6, None, 2)
    told = [row.told for row in shop.store.audit.rows()]
    assert (told[1], told[3]) == (None, None)
    file = tmp_path / "audit.csv"
    export(shop.store, file)
    assert look_through(exported(file)) == looked
    assert "60521" not in file.read_text("utf-8-sig")
    shop.tamper("UPDATE photos SET category = 'Shirts'")
    assert shop.look().bad_row == 3


def test_a_history_of_before_begins_its_chain_now(tmp_path: Path) -> None:
    shop = AuditedShop(tmp_path)
    shop.drop(SHIRT, tiny_photo("Shirts", 1))
    shop.recover_and_drain()
    shop.stop()
    before = next(number for number, step in enumerate(STEPS) if "audit" in step[0])
    # The same table goes with the step that made it first; what only allows more may stay.
    stays = (*AUDIT_OF_MORE.split(";"), *(one for one in EXAMPLES_TOLD if "CREATE" not in one))
    for statement in reversed([one for step in STEPS[before:] for one in step if one not in stays]):
        shop.tamper(undone(statement))
    shop.tamper(f"PRAGMA user_version = {before}")
    shop._start()
    with running(shop):
        assert shop.kinds() == ["begun"]
        assert shop.look().bad_row is None
        shop.corrector.correct(SHIRT, "Tops", "Anna")
        assert shop.kinds() == ["begun", "word"]


def undone(statement: str) -> str:
    """What takes a statement of the schema back."""
    if (added := re.match(r"\s*ALTER TABLE (\w+) ADD COLUMN (\w+)", statement)) is not None:
        return f"ALTER TABLE {added[1]} DROP COLUMN {added[2]}"
    made = re.match(r"\s*CREATE (TABLE|INDEX|TRIGGER) (\w+)", statement)
    assert made is not None, statement
    return f"DROP {made[1]} {made[2]}"


def test_what_is_recalled_after_a_restore_is_bound_again(shop: AuditedShop) -> None:
    backup = shop.back_up()
    shop.clock.advance(60)
    shop.drop("later.png", tiny_photo("Shirts", 7))
    shop.recover_and_drain()
    shop.restore(backup)
    assert shop.kinds()[-1] == "verdict"
    assert shop.look().bad_row is None


def test_sign_ins_are_taken_from_the_page_alone_and_each_once(shop: AuditedShop) -> None:
    told = NotePageActs("a page", (PageAct(1, "2025-10-13T08:00:00+00:00", "Anna"),))
    with pytest.raises(RefusedError, match="only the page"):
        carry_out(shop, Reports(shop), told, Speaker("mallory"))
    for _ in range(2):
        assert carry_out(shop, Reports(shop), told, THE_PAGE).known == 1
    more = NotePageActs("a page", (*told.acts, PageAct(2, "2025-10-13T09:00:00+00:00", "Bert")))
    assert carry_out(shop, Reports(shop), more, THE_PAGE).known == 2
    other = NotePageActs("another page", told.acts)
    assert carry_out(shop, Reports(shop), other, THE_PAGE).known == 1
    names = [row.person for row in shop.store.audit.rows() if row.kind == "sign_in"]
    assert names == ["Anna", "Bert", "Anna"]
    assert shop.look().bad_row is None


def test_accounts_and_keys_are_bound_with_who_changed_them_and_numbered_with_sign_ins(
    shop: AuditedShop, tmp_path: Path
) -> None:
    at = "2025-10-13T08:00:00+00:00"
    acts = (
        PageAct(1, at, "nightsort-web", Doing.ACCOUNT_ADDED, "Carl", "clerk"),
        PageAct(2, at, "Carl"),
        PageAct(3, at, "Anna", Doing.LINK_MADE, "Carl"),
    )
    for known in (2, 3, 3):
        order = NotePageActs("a page", acts[:known])
        assert carry_out(shop, Reports(shop), order, THE_PAGE).known == known
    rows = [*shop.store.audit.rows()][5:]
    assert [(row.kind, row.person) for row in rows] == [
        ("access", "nightsort-web"), ("sign_in", "Carl"), ("access", "Anna"),
    ]  # fmt: skip
    assert rows[0].told == (
        '{"doing":"account_added","number":1,"page":"a page","role":"clerk","whom":"Carl"}'
    )
    assert rows[2].told == '{"doing":"link_made","number":3,"page":"a page","whom":"Carl"}'
    export(shop.store, tmp_path / "audit.csv")
    assert look_through(exported(tmp_path / "audit.csv")) == shop.look()
    shop.tamper("UPDATE audit SET told = replace(told, 'clerk', 'admin')")
    assert shop.look().bad_row == 6


def test_an_adoption_is_bound_with_who_adopted(shop: AuditedShop) -> None:
    versions = Versions(shop.state)
    versions.folder.mkdir()
    (versions.folder / "2025-10-13.1.npz").write_bytes(b"a version")
    with versions.held():
        versions.adopt("2025-10-13.1")
    for _ in range(2):
        copy_versions(shop.store, versions, "Anna")
    (row,) = [row for row in shop.store.audit.rows() if row.kind == "adoption"]
    assert (row.told, row.person) == ('{"version":"2025-10-13.1"}', "Anna")
