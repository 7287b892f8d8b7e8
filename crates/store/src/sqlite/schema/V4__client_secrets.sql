-- What service clients prove themselves with: SHA-256 of random secrets, apart from clients, so that nothing which
-- reads a client reads one by accident. Two of a client's are live at most.

CREATE TABLE client_secrets (
    key        INTEGER PRIMARY KEY, -- the newest is the greatest
    client     INTEGER NOT NULL REFERENCES clients (key) ON DELETE CASCADE,
    hash       BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at    INTEGER              -- NULL: not of itself
) STRICT;
CREATE INDEX client_secrets_of_client ON client_secrets (client);
