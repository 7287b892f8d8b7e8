-- Tokens of the style `sliding` that were exchanged for their successors.

CREATE TABLE spent (
    jti          TEXT    PRIMARY KEY NOT NULL,
    since        INTEGER NOT NULL,
    refused_from INTEGER NOT NULL, -- seconds since 1970
    until        INTEGER NOT NULL, -- seconds since 1970: it could be valid no longer
    audience     TEXT    NOT NULL, -- as in revocations
    told         INTEGER NOT NULL  -- whether the log has it
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_untold ON spent (since) WHERE told = 0;
CREATE INDEX spent_by_end ON spent (until);
