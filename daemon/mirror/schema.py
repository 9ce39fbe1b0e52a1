"""What the mirror makes in PostgreSQL: tables, views, and who may do what with them.

`STEPS` make it, one for each version; a database of an older nightsort takes those that it lacks.
A step that was released is never changed. What stands behind `--` is shown in docs/mirror.md.
"""

from __future__ import annotations

# A station is known by `instance`, so that another box cannot take its name; `token` changes with
# every batch on both sides, so that a side that was put back to an earlier state is recognised.
_TABLES = """
CREATE TABLE nightsort.stations (
    name text COLLATE "C" PRIMARY KEY, -- of the station, as its settings say
    owner name NOT NULL DEFAULT current_user, -- the role that may write its rows
    instance uuid NOT NULL, -- by which the box is known
    token uuid NOT NULL, -- of the last batch
    nightsort text NOT NULL, -- the version at work there
    copied_at timestamptz NOT NULL DEFAULT now() -- when the last batch came, by this server's clock
);
CREATE TABLE nightsort.runs (
    station text COLLATE "C" NOT NULL REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    id text COLLATE "C" NOT NULL, -- such as 20251013_020000, in the box's local time
    started timestamptz NOT NULL, -- when it was opened
    finished timestamptz NOT NULL, -- when it was closed
    model text NOT NULL, -- what judged in it
    summary jsonb NOT NULL, -- all keys of summary_<run>.json
    PRIMARY KEY (station, id)
);
CREATE TABLE nightsort.photos (
    station text COLLATE "C" NOT NULL REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    id bigint NOT NULL, -- the photo's number on its box
    run text COLLATE "C" NOT NULL, -- that it was sorted in
    result_number integer NOT NULL, -- its line in the run's results
    filename text NOT NULL, -- as dropped
    source_path text NOT NULL, -- in incoming
    filed_path text NOT NULL, -- where it is now, in sorted; for one that was undone, in incoming
    status text NOT NULL, -- success, review, duplicate or error: how its run ended for it
    state text NOT NULL, -- filed, review, retake, duplicate, quarantined, undone or removed: now
    category text, -- the model's best guess
    confidence double precision, -- calibrated probability of that, 0..1
    band text, -- auto, check or review
    reason text, -- why a person must decide, or why it could not be read
    reason_text text, -- the same as a sentence
    alternatives jsonb NOT NULL, -- [{category, confidence}], the likeliest first
    model text, -- which gave the verdict
    decided text, -- the category that a person said last, while that holds
    return_id text NOT NULL, -- empty where there is none
    category_code text NOT NULL, -- the warehouse's, of the category that it was filed as
    location text NOT NULL, -- likewise
    sha256 text, -- of the file as it was filed
    edited_sha256 text, -- of the file now, where people edited it
    size_bytes bigint NOT NULL, -- of the file
    first_seen_at timestamptz NOT NULL, -- when it was dropped
    recorded_at timestamptz NOT NULL, -- when it was sorted
    removed_at timestamptz, -- when it was seen that people took it away
    let_go_at timestamptz, -- when [retention] removed its file
    is_example boolean NOT NULL, -- a person said its category, and the network saw it
    PRIMARY KEY (station, id)
);
CREATE INDEX photos_run ON nightsort.photos (station, run);
CREATE INDEX photos_recorded ON nightsort.photos (recorded_at);
CREATE INDEX photos_return ON nightsort.photos (return_id) WHERE return_id <> '';
CREATE TABLE nightsort.corrections (
    station text COLLATE "C" NOT NULL REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    id bigint NOT NULL, -- the number of the word on its box
    photo bigint NOT NULL, -- that it is about
    word text NOT NULL, -- corrected, dragged, undone, agreed, retake, taken_back or checked
    before text NOT NULL, -- the category until then
    category text NOT NULL, -- the category from then on
    person text NOT NULL, -- who said it
    at timestamptz NOT NULL, -- when
    via text NOT NULL, -- by which way; empty where that was not kept yet
    source text NOT NULL, -- where the photo was
    target text NOT NULL, -- where it came to
    PRIMARY KEY (station, id)
);
CREATE INDEX corrections_photo ON nightsort.corrections (station, photo);
CREATE TABLE nightsort.alerts (
    station text COLLATE "C" NOT NULL REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    id bigint NOT NULL, -- as in `nightsort alerts list`
    rule text NOT NULL, -- docs/alerts.md has them all
    subject text NOT NULL, -- tells apart what holds several times at once; mostly empty
    severity text NOT NULL, -- info, warning, error or critical
    raised_at timestamptz NOT NULL, -- when it was told first
    told_at timestamptz NOT NULL, -- when it was told last, as long as it held
    day integer NOT NULL, -- on which day of it that was
    facts jsonb NOT NULL, -- as docs/alerts.md says
    resolved_at timestamptz, -- when it was over; news is at once
    acknowledged_at timestamptz, -- when somebody said that they know
    acknowledged_by text, -- who
    PRIMARY KEY (station, id)
);
CREATE INDEX alerts_raised ON nightsort.alerts (raised_at);
"""

_VIEWS = """
CREATE VIEW public.predict WITH (security_invoker = true) AS
    SELECT filed_path AS image_path, coalesce(decided, category) AS label,
        recorded_at AS "timestamp"
    FROM nightsort.photos WHERE coalesce(decided, category) IS NOT NULL;
CREATE VIEW public.training_data WITH (security_invoker = true) AS
    SELECT filed_path AS image_path, decided AS shoe_class, is_example AS is_processed
    FROM nightsort.photos
    WHERE decided IS NOT NULL AND state = 'filed' AND let_go_at IS NULL;
CREATE VIEW public.batch_runs WITH (security_invoker = true) AS
    SELECT station, id AS run, started, finished, model,
        (summary->>'total_processed')::integer AS total_processed,
        (summary->>'successful')::integer AS successful,
        (summary->>'review')::integer AS review,
        (summary->>'duplicates')::integer AS duplicates,
        (summary->>'failed')::integer AS failed,
        (summary->>'deferred')::integer AS deferred,
        (summary->>'success_rate')::double precision AS success_rate,
        (summary->>'processing_time_seconds')::double precision AS processing_time_seconds,
        (summary->>'images_per_second')::double precision AS images_per_second,
        (summary->>'average_confidence')::double precision AS average_confidence
    FROM nightsort.runs;
CREATE VIEW public.alerts WITH (security_invoker = true) AS
    SELECT station, id, rule, subject, severity, raised_at, told_at, facts, resolved_at,
        acknowledged_at, acknowledged_by
    FROM nightsort.alerts;
"""

_OF_STATIONS = (
    "stations", "runs", "photos", "corrections", "alerts", "states", "versions", "examples",
    "api_calls",
)  # fmt: skip
TABLES = (*_OF_STATIONS, "promotions")
VIEWS = ("predict", "training_data", "batch_runs", "alerts")
STATION_ROLE, READER_ROLE = "nightsort_station", "nightsort_reader"
PROMOTER_ROLE = "nightsort_promoter"

# The owner of the tables is above this, so that one box with a database of its own needs no roles.
# Asked once for a statement: which stations are one's own does not depend on the row.
_OWN = "(SELECT name FROM nightsort.stations WHERE owner = current_user)"


def _own_rows(*tables: str) -> str:
    return "".join(
        f"ALTER TABLE nightsort.{table} ENABLE ROW LEVEL SECURITY;\n"
        f"CREATE POLICY own_rows ON nightsort.{table} USING ({condition})"
        f" WITH CHECK ({condition});\n"
        for table in tables
        for condition in ["owner = current_user" if table == "stations" else f"station IN {_OWN}"]
    )


# The rows of a station that tell how it is, for `nightsort web --fleet`.
_STATES = """
CREATE TABLE nightsort.states (
    station text COLLATE "C" PRIMARY KEY REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    seen_at timestamptz NOT NULL, -- when it was last heard of, by this server's clock
    status jsonb NOT NULL -- how it was then: docs/fleet.md says which keys
);
"""

# What stations learnt, and which of it is offered to all. A promotion has its own copy of the file,
# for its station keeps only the last ones.
_VERSIONS = """
CREATE TABLE nightsort.versions (
    station text COLLATE "C" NOT NULL REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    name text COLLATE "C" NOT NULL, -- such as 2025-10-13.1
    sha256 text NOT NULL, -- of its file
    base text NOT NULL, -- the model that it was learnt over, by its name
    learnt text NOT NULL, -- when, ISO 8601 by the box's clock
    categories integer NOT NULL, -- how many it files into
    examples integer NOT NULL, -- how many photos it was learnt from
    judgement text, -- better, as good or worse, where it was compared
    is_in_use boolean NOT NULL, -- whether it judges there
    content bytea NOT NULL, -- the file
    PRIMARY KEY (station, name)
);
CREATE TABLE nightsort.promotions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the highest counts
    station text COLLATE "C" NOT NULL, -- where it was learnt; empty: nothing is promoted any more
    version text COLLATE "C" NOT NULL, -- its name there; likewise
    sha256 text NOT NULL, -- of the file
    base text NOT NULL, -- the model that it was learnt over
    content bytea NOT NULL, -- the file, as it was then
    person text NOT NULL, -- who promoted it
    role name NOT NULL DEFAULT current_user, -- by which role
    at timestamptz NOT NULL DEFAULT now() -- when
);
ALTER TABLE nightsort.promotions ENABLE ROW LEVEL SECURITY;
"""

# What people say that photos show, and what the API was asked.
_EXAMPLES_AND_CALLS = """
CREATE TABLE nightsort.examples (
    station text COLLATE "C" NOT NULL REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    id bigint NOT NULL, -- the number of the example on its box
    photo bigint, -- of the history; none where it was brought to be learnt from
    label text NOT NULL, -- what a person says that it shows
    source text NOT NULL, -- correction, decision, check or upload: how it came
    person text NOT NULL, -- who said it
    at timestamptz NOT NULL, -- when
    return_id text NOT NULL, -- empty where there is none
    name text NOT NULL, -- of its file
    sha256 text NOT NULL, -- of its bytes
    is_seen boolean NOT NULL, -- the network has looked at it, so that lessons take it
    problem text NOT NULL, -- why the network cannot; empty where there is none
    PRIMARY KEY (station, id)
);
CREATE INDEX examples_photo ON nightsort.examples (station, photo);
CREATE TABLE nightsort.api_calls (
    station text COLLATE "C" NOT NULL REFERENCES nightsort.stations ON DELETE CASCADE, -- whose
    hour timestamptz NOT NULL, -- in which they came, its beginning
    path text COLLATE "C" NOT NULL, -- as the route is written: /photos/{id}
    status integer NOT NULL, -- how they were answered
    calls bigint NOT NULL, -- how many
    milliseconds double precision NOT NULL, -- that all of them took
    slowest_milliseconds double precision NOT NULL, -- that the slowest took
    bytes bigint NOT NULL, -- that came with them
    PRIMARY KEY (station, hour, path, status)
);
"""

STEPS = (
    _TABLES + _VIEWS + _own_rows("stations", "runs", "photos", "corrections", "alerts"),
    _STATES + _own_rows("states"),
    _VERSIONS + _own_rows("versions"),
    _EXAMPLES_AND_CALLS + _own_rows("examples", "api_calls"),
)
VERSION = len(STEPS)

# Before the first step; under a lock, as several boxes may come at once.
BEGIN = """
CREATE SCHEMA nightsort;
CREATE TABLE nightsort.schema_version (version integer NOT NULL);
INSERT INTO nightsort.schema_version VALUES (0);
"""

SET_VERSION = "UPDATE nightsort.schema_version SET version = %s"

ROLES = "".join(
    f"DO $$ BEGIN IF to_regrole('{role}') IS NULL THEN\n"
    f"    CREATE ROLE {role} NOLOGIN;\nEND IF; END $$;\n"
    for role in (STATION_ROLE, READER_ROLE, PROMOTER_ROLE)
)
_ALL = ", ".join(f"nightsort.{table}" for table in _OF_STATIONS)


def _policy(name: str, table: str, what: str) -> str:
    return (
        f"DROP POLICY IF EXISTS {name} ON nightsort.{table};\n"
        f"CREATE POLICY {name} ON nightsort.{table} FOR {what};\n"
    )


# What the roles may do. Given again whenever it is made, so that it always fits the version.
RIGHTS = (
    f"GRANT USAGE ON SCHEMA nightsort TO {STATION_ROLE}, {READER_ROLE};\n"
    f"GRANT SELECT ON nightsort.schema_version TO {STATION_ROLE}, {READER_ROLE};\n"
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {_ALL} TO {STATION_ROLE};\n"
    f"GRANT SELECT ON nightsort.promotions TO {STATION_ROLE};\n"
    f"GRANT SELECT ON {_ALL}, nightsort.promotions TO {READER_ROLE};\n"
    f"GRANT SELECT ON {', '.join(f'public.{view}' for view in VIEWS)} TO {READER_ROLE};\n"
    + "".join(_policy("readers", one, f"SELECT TO {READER_ROLE} USING (true)") for one in TABLES)
    + _policy("stations", "promotions", f"SELECT TO {STATION_ROLE} USING (true)")
)
# A promoter adds to what was promoted, in its own name, and changes and removes nothing.
PROMOTER_RIGHTS = (
    f"GRANT USAGE ON SCHEMA nightsort TO {PROMOTER_ROLE};\n"
    f"GRANT SELECT ON nightsort.schema_version, nightsort.versions TO {PROMOTER_ROLE};\n"
    f"GRANT SELECT, INSERT ON nightsort.promotions TO {PROMOTER_ROLE};\n"
    + _policy("promoters", "versions", f"SELECT TO {PROMOTER_ROLE} USING (true)")
    + _policy("seen_by_promoters", "promotions", f"SELECT TO {PROMOTER_ROLE} USING (true)")
    + _policy(
        "promoters", "promotions", f"INSERT TO {PROMOTER_ROLE} WITH CHECK (role = current_user)"
    )
)


def script(version: int = 0) -> str:
    """All of it for an administrator's psql, on a database whose tables have that version.

    0: it has none of it yet.
    """
    number = SET_VERSION.replace("%s", str(VERSION))
    begin, steps = "" if version else BEGIN, "".join(STEPS[version:])
    return f"BEGIN;{begin}{steps}{number};\n{ROLES}{RIGHTS}{PROMOTER_RIGHTS}COMMIT;\n"
