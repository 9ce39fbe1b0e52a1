"""The tables. `STEPS` make them, one for each version; a step that was released is never changed.

Times are seconds since 1970; what is called `hash` is SHA-256, in hexadecimal, of a random secret.
"""

from __future__ import annotations

_FIRST = """
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('reader', 'clerk', 'lead', 'admin')),
    password TEXT NOT NULL,
    made_at REAL NOT NULL,
    signed_in_at REAL
) STRICT;
CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    began_at REAL NOT NULL,
    used_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_account ON sessions (account);
CREATE TABLE links (
    hash TEXT PRIMARY KEY,
    account INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    made_at REAL NOT NULL,
    ends_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('reader', 'clerk', 'lead', 'admin')),
    hash TEXT NOT NULL UNIQUE,
    made_at REAL NOT NULL,
    revoked_at REAL
) STRICT;
CREATE UNIQUE INDEX keys_valid ON keys (name) WHERE revoked_at IS NULL;
CREATE TABLE failures (
    subject TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX failures_last ON failures (last_at);
CREATE TABLE api_calls (
    at REAL NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    milliseconds REAL NOT NULL,
    bytes INTEGER NOT NULL,
    key TEXT NOT NULL
) STRICT;
CREATE INDEX api_calls_at ON api_calls (at);
"""

# Who signed in, until the daemon has it in its audit chain. Numbers are never given again.
_SIGN_INS = """
CREATE TABLE sign_ins (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    name TEXT NOT NULL
) STRICT
"""

# And who may: accounts and keys, as page and commands change them; `whom`: whose, or which key.
_ACTS = """
ALTER TABLE sign_ins RENAME TO acts;
ALTER TABLE acts RENAME COLUMN name TO person;
ALTER TABLE acts ADD COLUMN doing TEXT NOT NULL DEFAULT 'sign_in';
ALTER TABLE acts ADD COLUMN whom TEXT NOT NULL DEFAULT '';
ALTER TABLE acts ADD COLUMN role TEXT NOT NULL DEFAULT ''
"""

# Pick lists that somebody printed: which photos stood on them. `since`: only what had changed after
# that one. Numbers are never given again.
_PRINTS = """
CREATE TABLE prints (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    at REAL NOT NULL,
    person TEXT NOT NULL,
    since INTEGER,
    lying BLOB NOT NULL
) STRICT;
CREATE INDEX prints_run ON prints (run, id)
"""

STEPS = (
    tuple(_FIRST.split(";")),
    (_SIGN_INS,),
    tuple(_PRINTS.split(";")),
    tuple(_ACTS.split(";")),
)
SCHEMA_VERSION = len(STEPS)
