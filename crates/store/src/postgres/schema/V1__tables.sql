-- The first schema. A published migration is never edited: the next change is another V….sql.
--
-- `key` columns are this database's own short names of rows, never shown outside; `id` columns are what tokens,
-- people and other tables of record know. Times are milliseconds since 1970 unless a column says otherwise.
--
-- Rows are locked in this order, so that no two verbs can wait for each other:
--     a user, a client, grants (by handle), sessions (by id), the issuer.

CREATE TABLE issuer (
    one            boolean PRIMARY KEY CHECK (one),
    epoch          bigint  NOT NULL,
    -- The head of the revocation log.
    incarnation    bigint  NOT NULL,
    sequence       bigint  NOT NULL,
    -- How long an event of the log lasts: the longest that was ever configured.
    event_lifetime bigint  NOT NULL,
    -- The name of the algorithm that signs where nothing else is asked for; NULL until a start has said which.
    algorithm      text
) WITH (fillfactor = 10);

CREATE FUNCTION random_incarnation() RETURNS bigint LANGUAGE sql VOLATILE
RETURN ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint;

INSERT INTO issuer VALUES (true, 0, random_incarnation(), 0, 0, NULL);

CREATE TABLE users (
    key        bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id         bytea   NOT NULL UNIQUE,
    email      text    COLLATE "C" NOT NULL CONSTRAINT one_email UNIQUE,
    username   text    COLLATE "C" CONSTRAINT one_username UNIQUE,
    name       text,
    -- json, not jsonb: what comes back is what was put in, to the last digit and the last escape.
    roles      json    NOT NULL,
    attributes json    NOT NULL,
    enabled    boolean NOT NULL,
    epoch      bigint  NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL
) WITH (fillfactor = 80);

-- Apart from users, so that nothing which reads a user reads a hash by accident.
CREATE TABLE passwords (
    user_key bigint PRIMARY KEY REFERENCES users (key) ON DELETE CASCADE,
    hash     text   NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE clients (
    key            bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id             text    COLLATE "C" NOT NULL UNIQUE,
    enabled        boolean NOT NULL,
    epoch          bigint  NOT NULL,
    created_at     bigint  NOT NULL,
    -- Since when its tokens are for the audience of its settings. Those of before may live on for a while.
    audience_since bigint  NOT NULL DEFAULT 0,
    settings       json    NOT NULL -- the columns above win over its fields
);

-- What service clients prove themselves with: SHA-256 of random secrets. Two of a client's are live at most.
CREATE TABLE client_secrets (
    key        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, -- the newest is the greatest
    client_key bigint NOT NULL REFERENCES clients (key) ON DELETE CASCADE,
    hash       bytea  NOT NULL,
    created_at bigint NOT NULL,
    ends_at    bigint                                           -- NULL: not of itself
);
CREATE INDEX client_secrets_of_client ON client_secrets (client_key);

-- What expires lives in partitions by its absolute end, which the id carries: one for each day (UTC). No foreign
-- keys here: making and dropping a partition would lock the tables that they point to.
CREATE TABLE sessions (
    absolute_end bigint NOT NULL,
    id           bytea  NOT NULL,
    user_key     bigint NOT NULL,
    user_epoch   bigint NOT NULL,
    issuer_epoch bigint NOT NULL,
    auth_time    bigint NOT NULL,
    amr          json   NOT NULL,
    idle_end     bigint NOT NULL, -- never after the absolute end
    device       text,
    address      text,
    PRIMARY KEY (absolute_end, id)
) PARTITION BY RANGE (absolute_end);
CREATE INDEX sessions_of_user ON sessions (user_key);
CREATE INDEX sessions_by_end ON sessions (idle_end);

-- Found by the hash of the handle within the partition of the absolute end. A renewal updates a row in place and
-- touches no index. A grant without a session has ended.
CREATE TABLE grants (
    absolute_end bigint  NOT NULL,
    handle       bytea   NOT NULL,
    session      bytea   NOT NULL,
    client_key   bigint  NOT NULL,
    client_epoch bigint  NOT NULL,
    scope        text,
    style        text    NOT NULL,
    cur          bigint  NOT NULL,
    prev         bigint,
    floor        bigint  NOT NULL,
    rotated_at   bigint  NOT NULL,
    handed_at    bigint  NOT NULL,
    retries      integer NOT NULL,
    recoveries   integer NOT NULL,
    network      bigint  NOT NULL,
    strangers    integer NOT NULL,
    stranger_now boolean NOT NULL,
    PRIMARY KEY (absolute_end, handle)
) PARTITION BY RANGE (absolute_end);
CREATE INDEX grants_of_session ON grants (session);

CREATE TABLE keys (
    id         bytea  PRIMARY KEY,
    purpose    text   NOT NULL,
    algorithm  text   NOT NULL,
    kid        text   NOT NULL UNIQUE,
    sealed     bytea  NOT NULL,
    state      text   NOT NULL,
    created_at bigint NOT NULL,
    since      bigint NOT NULL
);
-- A ring for each purpose and algorithm.
CREATE UNIQUE INDEX one_active_key ON keys (purpose, algorithm) WHERE state = 'active';

CREATE TABLE revocations (
    sequence bigint PRIMARY KEY,
    what     json   NOT NULL, -- as on the wire
    until    bigint NOT NULL, -- seconds since 1970
    audience text             -- '' is the issuer itself; NULL where it cannot be told, and then every reader is
);
CREATE INDEX revocations_by_end ON revocations (until);

CREATE TABLE audit (
    key     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at      bigint NOT NULL,
    what    text   NOT NULL,
    actor   text   NOT NULL,
    user_id bytea,
    session bytea,
    client  text,
    address text,
    agent   text,
    detail  text
);
CREATE INDEX audit_by_time ON audit (at);
-- Lines that concern nobody are in it, too: a failed sign-in writes as much for an unknown name as for a known one.
CREATE INDEX audit_of_user ON audit (user_id);
