-- The first schema. A published migration is never edited: the next change is V2__….sql.
--
-- `key` columns are this file's own short names of rows, never shown outside; `id` columns are what tokens,
-- people and other tables of record know. Times are milliseconds since 1970 unless a column says otherwise.

CREATE TABLE issuer (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    epoch          INTEGER NOT NULL,
    -- The head of the revocation log.
    incarnation    INTEGER NOT NULL,
    sequence       INTEGER NOT NULL,
    -- How long an event of the log lasts: the longest that was ever configured.
    event_lifetime INTEGER NOT NULL
) STRICT;
INSERT INTO issuer VALUES (1, 0, random(), 0, 0);

CREATE TABLE users (
    key        INTEGER PRIMARY KEY,
    id         BLOB    NOT NULL UNIQUE,
    email      TEXT    NOT NULL UNIQUE,
    username   TEXT    UNIQUE,
    name       TEXT,
    roles      TEXT    NOT NULL, -- a JSON array
    attributes TEXT    NOT NULL, -- a JSON object
    enabled    INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Apart from users, so that nothing which reads a user reads a hash by accident.
CREATE TABLE passwords (
    user INTEGER PRIMARY KEY REFERENCES users (key) ON DELETE CASCADE,
    hash TEXT    NOT NULL
) STRICT;

CREATE TABLE clients (
    key        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    enabled    INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    settings   TEXT    NOT NULL -- a JSON object; the columns above win over its fields
) STRICT;

CREATE TABLE sessions (
    key          INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    user         INTEGER NOT NULL REFERENCES users (key) ON DELETE CASCADE,
    user_epoch   INTEGER NOT NULL,
    issuer_epoch INTEGER NOT NULL,
    auth_time    INTEGER NOT NULL,
    amr          TEXT    NOT NULL, -- a JSON array
    idle_end     INTEGER NOT NULL, -- never after the absolute end
    device       TEXT,
    address      TEXT
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user);
CREATE INDEX sessions_by_end ON sessions (idle_end);

-- Found by the hash of the handle within the partition of the absolute end. A renewal updates a row in place and
-- touches no index.
CREATE TABLE grants (
    absolute_end INTEGER NOT NULL,
    handle       BLOB    NOT NULL,
    session      INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    client       INTEGER NOT NULL REFERENCES clients (key),
    client_epoch INTEGER NOT NULL,
    scope        TEXT,
    style        TEXT    NOT NULL,
    cur          INTEGER NOT NULL,
    prev         INTEGER,
    floor        INTEGER NOT NULL,
    rotated_at   INTEGER NOT NULL,
    handed_at    INTEGER NOT NULL,
    retries      INTEGER NOT NULL,
    recoveries   INTEGER NOT NULL,
    network      INTEGER NOT NULL,
    strangers    INTEGER NOT NULL,
    stranger_now INTEGER NOT NULL,
    PRIMARY KEY (absolute_end, handle)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_of_session ON grants (session);

CREATE TABLE keys (
    id         BLOB    PRIMARY KEY NOT NULL,
    purpose    TEXT    NOT NULL,
    algorithm  TEXT    NOT NULL,
    kid        TEXT    NOT NULL UNIQUE,
    sealed     BLOB    NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    since      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_active_key ON keys (purpose) WHERE state = 'active';

CREATE TABLE revocations (
    sequence INTEGER PRIMARY KEY,
    what     TEXT    NOT NULL, -- a JSON object, as on the wire
    until    INTEGER NOT NULL  -- seconds since 1970
) STRICT;
CREATE INDEX revocations_by_end ON revocations (until);

CREATE TABLE audit (
    key     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    what    TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    user    BLOB,
    session BLOB,
    client  TEXT,
    address TEXT,
    agent   TEXT,
    detail  TEXT
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
-- Lines that concern nobody are in it, too: a failed sign-in writes as much for an unknown name as for a known one.
CREATE INDEX audit_of_user ON audit (user);
