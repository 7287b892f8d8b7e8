-- Sessions that are kept in another store and were ended: what is here is over, whatever that store says. Their ids
-- begin with their absolute end, so the oldest go first.
CREATE TABLE ended_sessions (
    id BLOB PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;
