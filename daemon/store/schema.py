"""The tables: what is remembered of each photo, run, correction and alert.

`STEPS` make them, one for each version of the schema: a new database takes all of them, one of an
older nightsort those that it lacks. A step that was released is never changed.
"""

from __future__ import annotations

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

STEPS = ((*_PHOTOS.split(";"), *_TRIGGERS), tuple(_ALERTS.split(";")), (_RETENTION,))
SCHEMA_VERSION = len(STEPS)
