"""The tables: what is remembered of each photo, run, correction and alert.

`STEPS` make them, one for each version of the schema: a new database takes all of them, one of an
older nightsort those that it lacks. A step that was released is never changed.
"""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

from daemon.store.schema_parts import LATER_STEPS

# A photo's states. `classified` is the intention: verdict and target known, the move not done.
# What the results say of a photo (status, category, target …) never changes once it is recorded;
# a person's later word stands in `place` (where it is now: in sorted, in incoming once undone),
# `decided` (its category now) and in `corrections`, where a move is planned before it is made.
_PHOTOS = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    waiting_before INTEGER NOT NULL,
    busy_seconds REAL NOT NULL DEFAULT 0,
    model TEXT NOT NULL,
    summary TEXT
) STRICT;
CREATE INDEX runs_open ON runs (finished_at) WHERE finished_at IS NULL;
CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN
        ('queued', 'claimed', 'classified', 'filed', 'review', 'duplicate', 'quarantined', 'gone',
         'undone')),
    path BLOB NOT NULL,
    filename TEXT NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    first_seen_at TEXT NOT NULL,
    arrived_in TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at REAL NOT NULL DEFAULT 0,
    cut_off_boot TEXT,
    cut_off_at REAL,
    alone INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    claimed_boot TEXT,
    run TEXT REFERENCES runs (id),
    status TEXT,
    sha256 TEXT,
    category TEXT,
    confidence REAL,
    band TEXT,
    reason TEXT,
    reason_text TEXT,
    alternatives TEXT,
    return_id TEXT,
    category_code TEXT,
    location TEXT,
    target BLOB,
    kept_source INTEGER NOT NULL DEFAULT 0,
    recorded_at TEXT,
    result_number INTEGER,
    place BLOB,
    decided TEXT
) STRICT;
CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    photo INTEGER NOT NULL REFERENCES photos (id),
    word TEXT NOT NULL CHECK (word IN ('corrected', 'dragged', 'undone')),
    before TEXT NOT NULL,
    category TEXT NOT NULL,
    person TEXT NOT NULL,
    at TEXT NOT NULL,
    source BLOB NOT NULL,
    target BLOB NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    is_done INTEGER NOT NULL
) STRICT;
CREATE INDEX corrections_photo ON corrections (photo);
CREATE INDEX corrections_at ON corrections (at);
CREATE INDEX corrections_planned ON corrections (id) WHERE is_done = 0;
CREATE TABLE emptied (folder BLOB PRIMARY KEY, taken_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX photos_active ON photos (path)
    WHERE state IN ('queued', 'claimed', 'classified');
CREATE INDEX photos_waiting ON photos (alone, crashes, id) WHERE state = 'queued';
CREATE INDEX photos_retry ON photos (retry_at) WHERE state = 'queued' AND retry_at > 0;
CREATE INDEX photos_claimed ON photos (id) WHERE state = 'claimed';
CREATE INDEX photos_classified ON photos (id) WHERE state = 'classified';
CREATE INDEX photos_twins ON photos (sha256) WHERE state IN ('filed', 'review');
CREATE INDEX photos_kept ON photos (path) WHERE kept_source = 1;
CREATE INDEX photos_place ON photos (coalesce(place, target)) WHERE target IS NOT NULL;
CREATE UNIQUE INDEX photos_results ON photos (run, result_number) WHERE result_number IS NOT NULL;
CREATE INDEX photos_run ON photos (run, state);
CREATE INDEX photos_arrived ON photos (arrived_in) WHERE arrived_in IS NOT NULL;
CREATE INDEX photos_filename ON photos (filename);
CREATE INDEX photos_return_id ON photos (return_id) WHERE return_id <> '';
CREATE TABLE counts (state TEXT PRIMARY KEY, photos INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

# How many photos are in each state, kept with every change: a backlog of a million is asked for
# its length several times a second.
_ONE_MORE = (
    "INSERT INTO counts VALUES (new.state, 1)"
    " ON CONFLICT (state) DO UPDATE SET photos = photos + 1;"
)
_ONE_LESS = "UPDATE counts SET photos = photos - 1 WHERE state = old.state;"
_TRIGGERS = (
    f"CREATE TRIGGER photo_came AFTER INSERT ON photos BEGIN {_ONE_MORE} END",
    f"CREATE TRIGGER photo_went AFTER DELETE ON photos BEGIN {_ONE_LESS} END",
    f"CREATE TRIGGER photo_passed AFTER UPDATE OF state ON photos BEGIN {_ONE_LESS}{_ONE_MORE} END",
)

# An incident is a condition from when it was raised until it is resolved (news is resolved at
# once), an alert one message about it, a delivery that message's way to one target. `subject`
# tells incidents of one rule apart. Who is to get an alert is settled when it is addressed, as
# whoever records it need not know the targets. A run is judged once it was told of.
_ALERTS = """
CREATE TABLE incidents (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    told_at TEXT NOT NULL,
    day INTEGER NOT NULL,
    facts TEXT NOT NULL,
    resolved_at TEXT,
    acknowledged_at TEXT,
    acknowledged_by TEXT
) STRICT;
CREATE UNIQUE INDEX incidents_open ON incidents (rule, subject) WHERE resolved_at IS NULL;
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    incident INTEGER NOT NULL REFERENCES incidents (id),
    phase TEXT NOT NULL CHECK (phase IN ('raised', 'repeated', 'resolved', 'told')),
    day INTEGER NOT NULL,
    at TEXT NOT NULL,
    facts TEXT NOT NULL,
    attachments TEXT NOT NULL,
    addressed_at TEXT
) STRICT;
CREATE INDEX alerts_incident ON alerts (incident);
CREATE INDEX alerts_unaddressed ON alerts (id) WHERE addressed_at IS NULL;
CREATE TABLE deliveries (
    alert INTEGER NOT NULL REFERENCES alerts (id),
    target TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at TEXT,
    first_failed_at TEXT,
    last_tried_at TEXT,
    error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (alert, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_failed ON deliveries (target) WHERE state <> 'delivered';
CREATE INDEX deliveries_waiting ON deliveries (next_at) WHERE state = 'waiting';
ALTER TABLE runs ADD COLUMN is_judged INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET is_judged = 1 WHERE summary IS NOT NULL;
CREATE INDEX runs_unjudged ON runs (id) WHERE is_judged = 0;
"""

# When `[retention]` was applied to a photo: nightsort does not look after its file any more.
_RETENTION = "ALTER TABLE photos ADD COLUMN let_go_at TEXT"

# What people decide on a page or in a workbook, and photos that they take away. SQLite cannot alter
# a CHECK; its documentation lets the text of one be edited where no stored row changes by it, which
# spares a full disk a second copy of the history. `via` says by which way a word came, `model`
# which version gave the verdict. Of the review one asks all day how many wait and since when.
_DECISIONS = """
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''undone'')', '''undone'', ''removed'', ''retake'')')
    WHERE type = 'table' AND name = 'photos';
UPDATE sqlite_schema SET sql = replace(sql, '''undone'')',
    '''undone'', ''agreed'', ''retake'', ''taken_back'', ''checked'')')
    WHERE type = 'table' AND name = 'corrections';
PRAGMA writable_schema = RESET;
ALTER TABLE photos ADD COLUMN removed_at TEXT;
ALTER TABLE photos ADD COLUMN model TEXT;
ALTER TABLE corrections ADD COLUMN via TEXT NOT NULL DEFAULT '';
CREATE INDEX photos_undecided ON photos (id) WHERE state = 'review' AND let_go_at IS NULL;
CREATE INDEX photos_removed ON photos (id) WHERE state = 'removed'
"""

# The change feed (`changes`). Numbers are never used again, also once all changes were dropped.
# Which runs people were told of was a flag until now; it stays for runs that were recalled.
_CHANGES = """
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('run', 'photo', 'correction', 'alert')),
    id ANY NOT NULL
) STRICT;
CREATE INDEX changes_kind ON changes (kind, seq);
CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO cursors VALUES ('alerting', 0);
INSERT INTO changes (kind, id) SELECT 'run', id FROM runs
    WHERE is_judged = 0 AND summary IS NOT NULL ORDER BY rowid;
DROP INDEX runs_unjudged
"""


def _feeding(name: str, when: str, kind: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {when} BEGIN"
        f" INSERT INTO changes (kind, id) VALUES ('{kind}', new.id); END"
    )


_FEED = (
    _feeding(
        "run_closed",
        "UPDATE OF summary ON runs WHEN old.summary IS NULL AND new.summary IS NOT NULL",
        "run",
    ),
    _feeding(
        "photo_recorded",
        "UPDATE OF result_number ON photos"
        " WHEN old.result_number IS NULL AND new.result_number IS NOT NULL",
        "photo",
    ),
    _feeding(
        "photo_removed",
        "UPDATE OF removed_at ON photos WHEN old.removed_at IS NOT new.removed_at",
        "photo",
    ),
    _feeding("correction_noted", "INSERT ON corrections WHEN new.is_done = 1", "correction"),
    _feeding(
        "correction_done",
        "UPDATE OF is_done ON corrections WHEN old.is_done = 0 AND new.is_done = 1",
        "correction",
    ),
    _feeding("alert_made", "INSERT ON alerts", "alert"),
)

# Reports follow the feed as well, in place of facts that named what was told and listed so far.
_REPORTS = """
INSERT INTO cursors SELECT name, coalesce((SELECT max(seq) FROM changes), 0)
    FROM (SELECT 'reports' AS name UNION SELECT 'lists' UNION SELECT 'pages');
INSERT INTO changes (kind, id) SELECT 'run', trim(value, '"') FROM facts
    WHERE key = 'run_untold' AND value <> 'null';
INSERT INTO changes (kind, id) SELECT 'correction', id FROM corrections
    WHERE is_done = 1 AND id > coalesce(
        (SELECT CAST(value AS INTEGER) FROM facts WHERE key = 'corrections_listed'), 0);
DELETE FROM facts WHERE key IN ('run_untold', 'corrections_listed')
"""


# By what a photo's return is found, however a person spells it; see `daemon.domain.return_ids`,
# whose `recorded_key` the connection lends to SQLite. What was recorded as its id stays.
# A photo that was put back is known by its inode's time too, where that can be relied on; `GONE`
# once its file was seen to be gone: another that comes to that place is a photo like any other.
_RETURN_KEYS = """
ALTER TABLE photos ADD COLUMN put_back_ctime_ns INTEGER;
ALTER TABLE photos ADD COLUMN return_key TEXT;
UPDATE photos SET return_key = recorded_key(filename, coalesce(return_id, ''))
    WHERE result_number IS NOT NULL;
CREATE INDEX photos_return_key ON photos (return_key) WHERE return_key <> '';
CREATE INDEX photos_put_back ON photos (id) WHERE state = 'undone';
"""

# A photo that people edited where it lies (turned it, say) is still that photo: `sha256` stays what
# the results say of it, the hash of what lies there now stands here. NULL: it is as it was filed.
_EDITED = "ALTER TABLE photos ADD COLUMN edited_sha256 TEXT"

# Photos that are tried again and again are named, with since when and why.
_FAILING = """
ALTER TABLE photos ADD COLUMN failing_since TEXT;
ALTER TABLE photos ADD COLUMN failing_why TEXT;
CREATE INDEX photos_failing ON photos (failing_since)
    WHERE state IN ('queued', 'claimed', 'classified') AND failing_since IS NOT NULL
"""

# Workbooks in results_dir as they were when nightsort wrote them, or read what people put in.
_WORKBOOKS = """
CREATE TABLE workbooks (name TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID
"""

# Calls to another system, each until it has arrived; what it said goes then.
_HANDOVERS = """
CREATE TABLE handovers (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    made_at TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at TEXT,
    first_failed_at TEXT,
    last_tried_at TEXT,
    error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX handovers_state ON handovers (state, id)
"""
# What people's words teach (`examples`). One that says what a photo shows makes an example of it,
# in the same transaction; one that says otherwise, or nothing any more, ends that. `network` looked
# at the photo; `problem` says why none could. Learnt versions are files; their copies here are for
# backups.
_EXAMPLES = """
CREATE TABLE examples (
    id INTEGER PRIMARY KEY,
    photo INTEGER UNIQUE REFERENCES photos (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('correction', 'decision', 'check', 'upload')),
    person TEXT NOT NULL,
    at TEXT NOT NULL,
    return_id TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    network TEXT NOT NULL DEFAULT '',
    is_unseen INTEGER NOT NULL DEFAULT 1,
    problem TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX examples_label ON examples (label, at);
CREATE INDEX examples_unseen ON examples (id) WHERE is_unseen = 1;
CREATE UNIQUE INDEX examples_brought ON examples (sha256) WHERE photo IS NULL;
CREATE TABLE example_features (
    example INTEGER PRIMARY KEY REFERENCES examples (id) ON DELETE CASCADE,
    features BLOB NOT NULL
) STRICT;
CREATE TABLE versions (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT
"""
_TEACHING = "('corrected', 'dragged', 'agreed', 'checked')"


def _teaching(word: str, condition: str) -> str:
    """What makes an example of a row of `corrections`, called `word`."""
    return (
        "INSERT INTO examples (photo, label, source, person, at, return_id, name, sha256)"
        f" SELECT {word}.photo, {word}.category,"
        f" CASE WHEN {word}.word = 'checked' THEN 'check'"
        f" WHEN {word}.category = {word}.before THEN 'decision' ELSE 'correction' END,"
        f" {word}.person, {word}.at, coalesce(return_id, ''), filename,"
        " coalesce(edited_sha256, sha256, '')"
        f" FROM {condition} AND {word}.word IN {_TEACHING} AND {word}.category <> ''"
        " ON CONFLICT (photo) DO UPDATE SET label = excluded.label, source = excluded.source,"
        " person = excluded.person, at = excluded.at,"
        " is_unseen = max(is_unseen, problem <> ''), problem = ''"
    )


def _taught(name: str, when: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {when} BEGIN"
        f" DELETE FROM examples WHERE photo = new.photo AND new.word NOT IN {_TEACHING};"
        f" {_teaching('new', 'photos WHERE photos.id = new.photo')}; END"
    )


# What was said before there were examples; the last word counts.
TEACH_WHAT_WAS_SAID = _teaching(
    "said",
    "corrections AS said JOIN photos ON photos.id = said.photo WHERE said.is_done = 1"
    " AND said.id = (SELECT max(id) FROM corrections AS last"
    " WHERE last.photo = said.photo AND last.is_done = 1)",
)
_TAUGHT = (
    _taught("example_noted", "INSERT ON corrections WHEN new.is_done = 1"),
    _taught(
        "example_done",
        "UPDATE OF is_done ON corrections WHEN old.is_done = 0 AND new.is_done = 1",
    ),
    TEACH_WHAT_WAS_SAID,
)

# Changes of which only those are told who copy everything. As for the states above, SQLite's
# documentation lets the text of a CHECK be edited where it allows more than before.
_DETAILS = """
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''alert'')', '''alert'', ''detail'')')
    WHERE type = 'table' AND name = 'changes';
PRAGMA writable_schema = RESET
"""

GONE = -1

STEPS = (
    (*_PHOTOS.split(";"), *_TRIGGERS),
    tuple(_ALERTS.split(";")),
    (_RETENTION,),
    tuple(_DECISIONS.split(";")),
    (*_CHANGES.split(";"), *_FEED),
    tuple(_REPORTS.split(";")),
    tuple(_RETURN_KEYS.split(";")),
    (_EDITED,),
    (*_FAILING.split(";"), _WORKBOOKS, *_HANDOVERS.split(";")),
    (*_EXAMPLES.split(";"), *_TAUGHT),
    tuple(_DETAILS.split(";")),
    *LATER_STEPS,
)
SCHEMA_VERSION = len(STEPS)
