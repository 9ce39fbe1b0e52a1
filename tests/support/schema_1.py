"""The database as version 1 of its schema made it, for tests of the way from there.

Never to be changed: databases like this one are out there.
"""

from __future__ import annotations

SCHEMA_1 = """
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
CREATE TRIGGER photo_came AFTER INSERT ON photos BEGIN
    INSERT INTO counts VALUES (new.state, 1)
    ON CONFLICT (state) DO UPDATE SET photos = photos + 1; END;
CREATE TRIGGER photo_went AFTER DELETE ON photos BEGIN
    UPDATE counts SET photos = photos - 1 WHERE state = old.state; END;
CREATE TRIGGER photo_passed AFTER UPDATE OF state ON photos BEGIN
    UPDATE counts SET photos = photos - 1 WHERE state = old.state;
    INSERT INTO counts VALUES (new.state, 1)
    ON CONFLICT (state) DO UPDATE SET photos = photos + 1; END;
PRAGMA user_version = 1;
"""

# A summary as the first release wrote it.
SUMMARY_1 = {
    "run": "20251012_020000",
    "started": "2025-10-12T02:00:00+00:00",
    "finished": "2025-10-12T02:01:00+00:00",
    "total_processed": 1,
    "successful": 1,
    "review": 0,
    "duplicates": 0,
    "failed": 0,
    "deferred": 0,
    "waiting_before": 1,
    "arrived": 0,
    "gone": 0,
    "waiting_after": 0,
    "success_rate": 100.0,
    "processing_time_seconds": 0.5,
    "images_per_second": 2.0,
    "categories": {"Tops": 1},
    "confidence_distribution": {"auto": 1, "check": 0, "review": 0},
    "average_confidence": 0.97,
    "errors": [],
    "model": "fashion",
}
