-- The nodes that share this database, as far as they said so lately.

CREATE TABLE nodes (
    name     text   COLLATE "C" PRIMARY KEY,
    version  text   NOT NULL,
    settings json   NOT NULL, -- fingerprints by name
    seen_at  bigint NOT NULL
) WITH (fillfactor = 50);

-- Who is silent is forgotten, unless it speaks at this moment.
CREATE FUNCTION announce(p_name text, p_version text, p_settings text, p_at bigint, p_before bigint)
RETURNS SETOF nodes LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO nodes VALUES (p_name, p_version, p_settings::json, p_at)
    ON CONFLICT (name) DO UPDATE SET
        version = excluded.version, settings = excluded.settings, seen_at = excluded.seen_at;
    DELETE FROM nodes WHERE name IN (
        SELECT name FROM nodes WHERE seen_at < p_before AND name <> p_name FOR UPDATE SKIP LOCKED
    );
    RETURN QUERY SELECT * FROM nodes WHERE name <> p_name ORDER BY name;
END $$;
