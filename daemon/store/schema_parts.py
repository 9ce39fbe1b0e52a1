"""Steps of the schema that are long, or came last; `schema` has the others and their order."""

# ruff: noqa: S608 - what is put into statements is this package's own text, never a value

from __future__ import annotations

# Verdicts wait for their run. `looked_ahead` marks model and limits by which a waiting photo was
# looked at; `ahead_seconds` is how long a verdict took that a run took over. What was found goes
# when the wait is over, and when the photo is written anew.
_AHEAD = """
ALTER TABLE photos ADD COLUMN looked_ahead TEXT;
ALTER TABLE photos ADD COLUMN ahead_seconds REAL;
CREATE INDEX photos_not_ahead ON photos (alone, crashes, id)
    WHERE state = 'queued' AND looked_ahead IS NULL;
CREATE TABLE verdicts_ahead (
    photo INTEGER PRIMARY KEY,
    mark TEXT NOT NULL,
    ctime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    category TEXT,
    confidence REAL,
    band TEXT,
    reason TEXT,
    reason_text TEXT,
    alternatives TEXT,
    label TEXT NOT NULL,
    model TEXT NOT NULL,
    seconds REAL NOT NULL
) STRICT;
CREATE INDEX verdicts_ahead_mark ON verdicts_ahead (mark)
"""


def _ending(name: str, when: str, condition: str, photo: str, also: str = "") -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {when} ON photos"
        f" WHEN {photo}.looked_ahead IS NOT NULL AND {condition} BEGIN {also}"
        f" DELETE FROM verdicts_ahead WHERE photo = {photo}.id; END"
    )


_AHEAD_ENDS = (
    _ending(
        "ahead_of_other_bytes",
        "UPDATE OF inode, size_bytes, mtime_ns",
        "(new.inode, new.size_bytes, new.mtime_ns) <> (old.inode, old.size_bytes, old.mtime_ns)",
        "new",
        "UPDATE photos SET looked_ahead = NULL WHERE id = new.id;",
    ),
    _ending(
        "ahead_is_over",
        "UPDATE OF state",
        "new.state NOT IN ('queued', 'claimed', 'classified')",
        "new",
    ),
    _ending("ahead_went", "DELETE", "1", "old"),
)

AHEAD = (*_AHEAD.split(";"), *_AHEAD_ENDS)

# Who sent a photo through the page, and by which way; NULL: it came by the share.
SENT = """
ALTER TABLE photos ADD COLUMN sent_by TEXT;
ALTER TABLE photos ADD COLUMN sent_via TEXT
"""

# Photos filed without a look that were chosen for people to look at.
SPOT_CHECKS = """
CREATE TABLE spot_checks (photo INTEGER PRIMARY KEY, run TEXT NOT NULL) STRICT;
CREATE INDEX spot_checks_run ON spot_checks (run)
"""

# Lessons, by their number; one that nobody asked for has no person. `wanted` and `result` are JSON.
LESSONS = """
CREATE TABLE lessons (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL
        CHECK (state IN ('waiting', 'running', 'done', 'refused', 'failed')),
    wanted TEXT NOT NULL,
    person TEXT NOT NULL,
    via TEXT,
    asked_at TEXT NOT NULL,
    ended_at TEXT,
    progress REAL NOT NULL DEFAULT 0,
    result TEXT,
    why TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX lessons_not_over ON lessons (ended_at IS NULL) WHERE ended_at IS NULL
"""

# Filed and worth a quick look, while nobody has said a word: found by when they were filed, so that
# those of years ago cost nothing.
QUICK_LOOKS = (
    "CREATE INDEX photos_to_look_at ON photos (recorded_at) WHERE state = 'filed'"
    " AND band = 'check' AND decided IS NULL AND let_go_at IS NULL"
)

# The audit chain (`audit`). `about`: the photo or word whose own row tells it; `told`, `person`: of
# what is told nowhere else. Salts go with what is forgotten.
AUDIT = """
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN
        ('begun', 'verdict', 'word', 'adoption', 'sign_in', 'forgotten')),
    about INTEGER,
    told TEXT,
    person TEXT,
    salt BLOB,
    person_salt BLOB,
    person_digest BLOB,
    digest BLOB NOT NULL,
    link BLOB NOT NULL
) STRICT
"""

# What the network saw of photos that wait for people, so that alike ones stand together.
SIGHTS = (
    """CREATE TABLE sights (
        photo INTEGER PRIMARY KEY,
        network TEXT NOT NULL,
        features BLOB NOT NULL
    ) STRICT""",
    """CREATE TRIGGER sight_is_over AFTER UPDATE OF state ON photos
        WHEN old.state = 'review' AND new.state <> 'review'
        BEGIN DELETE FROM sights WHERE photo = new.id; END""",
    """CREATE TRIGGER sight_went AFTER DELETE ON photos
        BEGIN DELETE FROM sights WHERE photo = old.id; END""",
)

# What lies in the bucket (`bucket_copies`), by its key below the station's. `sha256` is empty until
# it has arrived; what is to go is deleted there first, then here. A photo that is forgotten, or
# that retention lets go, takes its copies with it.
_BUCKET_COPIES = """
CREATE TABLE bucket_copies (
    key TEXT PRIMARY KEY,
    photo INTEGER,
    place BLOB NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '',
    size_bytes INTEGER NOT NULL DEFAULT 0,
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    is_to_go INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX bucket_copies_photo ON bucket_copies (photo) WHERE photo IS NOT NULL;
CREATE INDEX bucket_copies_sha256 ON bucket_copies (sha256) WHERE photo IS NOT NULL;
CREATE INDEX bucket_copies_to_go ON bucket_copies (key) WHERE is_to_go = 1
"""
_LET_GO = "UPDATE bucket_copies SET is_to_go = 1 WHERE photo = "
BUCKET_COPIES = (
    *_BUCKET_COPIES.split(";"),
    f"CREATE TRIGGER bucket_forgets AFTER DELETE ON photos BEGIN {_LET_GO} old.id; END",
    (
        "CREATE TRIGGER bucket_lets_go AFTER UPDATE OF let_go_at ON photos"
        f" WHEN new.let_go_at IS NOT NULL BEGIN {_LET_GO} new.id; END"
    ),
)

# Copies of photos may be without metadata; what cannot be had so stays at home: of that the hash.
STRIPPED = """
ALTER TABLE bucket_copies ADD COLUMN is_stripped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bucket_copies ADD COLUMN kept_home TEXT NOT NULL DEFAULT ''
"""

# The audit chain takes in versions that were fetched. Which kinds there are the code says: a check
# cannot be changed, and the next kind shall not have the whole chain copied once more.
AUDIT_OF_MORE = """
ALTER TABLE audit RENAME TO audit_before;
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    about INTEGER,
    told TEXT,
    person TEXT,
    salt BLOB,
    person_salt BLOB,
    person_digest BLOB,
    digest BLOB NOT NULL,
    link BLOB NOT NULL
) STRICT;
INSERT INTO audit SELECT * FROM audit_before;
DROP TABLE audit_before
"""

# How many photos of a band took people how long, by week: no photo and no person is in it.
LOOKS = """
CREATE TABLE looks (
    week TEXT NOT NULL,
    band TEXT NOT NULL,
    tenths INTEGER NOT NULL,
    photos INTEGER NOT NULL,
    PRIMARY KEY (week, band, tenths)
) STRICT, WITHOUT ROWID
"""

# Who copies everything is told of examples, too: of those that were brought no photo tells. Why the
# text of a check may be edited stands in `schema`.
EXAMPLES_TOLD = (
    "PRAGMA writable_schema = ON",
    """UPDATE sqlite_schema SET sql = replace(sql, '''detail'')', '''detail'', ''example'')')
        WHERE type = 'table' AND name = 'changes'""",
    "PRAGMA writable_schema = RESET",
    *(
        f"CREATE TRIGGER example_{name} AFTER {what} ON examples BEGIN"
        f" INSERT INTO changes (kind, id) VALUES ('example', {row}.id); END"
        for name, what, row in (
            ("came", "INSERT", "new"),
            ("changed", "UPDATE", "new"),
            ("went", "DELETE", "old"),
        )
    ),
    "INSERT INTO changes (kind, id) SELECT 'example', id FROM examples ORDER BY id",
)

# The steps of these, in order; `schema` has those before.
LATER_STEPS = (
    tuple(SPOT_CHECKS.split(";")),
    AHEAD,
    tuple(SENT.split(";")),
    tuple(LESSONS.split(";")),
    (QUICK_LOOKS,),
    (AUDIT,),
    SIGHTS,
    BUCKET_COPIES,
    tuple(STRIPPED.split(";")),
    tuple(AUDIT_OF_MORE.split(";")),
    (LOOKS,),
    EXAMPLES_TOLD,
)
