-- The verbs of the directory about clients, their secrets, and keys.

-- Tells the log that a client's epoch rose.
CREATE FUNCTION tell_client(p_client bigint, p_at bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    told clients;
    audience text;
BEGIN
    -- Before its audience is read: who changes that has the log locked, too.
    PERFORM lock_log();
    SELECT * INTO STRICT told FROM clients WHERE key = p_client;
    -- A service has tokens for whom it asks.
    IF told.settings ->> 'kind' <> 'service' THEN
        audience := audience_of(ARRAY[p_client], p_at);
    END IF;
    RETURN append(
        json_build_object('kind', 'client', 'client_id', told.id, 'below', told.epoch), audience, p_at
    );
END $$;

-- Adds a client, or changes it if it is still as it was seen (NULL: not there). Whether it was.
CREATE FUNCTION put_client(
    p_by origin, p_id text, p_seen text, p_seen_epoch bigint, p_seen_enabled boolean,
    p_enabled boolean, p_epoch bigint, p_created_at bigint, p_settings text, p_what text, p_audience_moves boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    found_key bigint;
BEGIN
    IF p_seen IS NULL THEN
        INSERT INTO clients (id, enabled, epoch, created_at, settings)
        VALUES (p_id, p_enabled, p_epoch, p_created_at, p_settings::json)
        ON CONFLICT (id) DO NOTHING;
        IF FOUND THEN
            PERFORM note(p_by, p_what, NULL, NULL, p_id, NULL);
        END IF;
        RETURN FOUND;
    END IF;
    SELECT key INTO found_key FROM clients
    WHERE id = p_id AND settings::text = p_seen AND epoch = p_seen_epoch AND enabled = p_seen_enabled
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM note(p_by, p_what, NULL, NULL, p_id, NULL);
    UPDATE clients SET enabled = p_enabled, epoch = p_epoch WHERE key = found_key;
    IF p_epoch > p_seen_epoch THEN
        -- Before its audience may change: what it concerns was issued under the old one.
        PERFORM tell_client(found_key, p_by.at);
    END IF;
    IF p_audience_moves THEN
        PERFORM lock_log();
        UPDATE clients SET audience_since = p_by.at WHERE key = found_key;
    END IF;
    UPDATE clients SET settings = p_settings::json WHERE key = found_key;
    RETURN true;
END $$;

-- NULL: no such client. Else the new epoch.
CREATE FUNCTION cut_off_client(p_by origin, p_id text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    cut clients;
BEGIN
    UPDATE clients SET epoch = epoch + 1 WHERE id = p_id RETURNING * INTO cut;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM note(p_by, 'revoked', NULL, NULL, p_id, NULL);
    PERFORM tell_client(cut.key, p_by.at);
    RETURN cut.epoch;
END $$;

-- Adds the newest. The one before it ends at the moment given at the latest, and those before that are gone.
CREATE FUNCTION add_client_secret(
    p_by origin, p_client text, p_hash bytea, p_created_at bigint, p_ends_at bigint, p_others_end bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    found_key bigint;
BEGIN
    SELECT key INTO found_key FROM clients WHERE id = p_client FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM client_secrets WHERE client_key = found_key
        AND key < (SELECT max(key) FROM client_secrets WHERE client_key = found_key);
    UPDATE client_secrets SET ends_at = least(ends_at, p_others_end) WHERE client_key = found_key;
    INSERT INTO client_secrets (client_key, hash, created_at, ends_at)
    VALUES (found_key, p_hash, p_created_at, p_ends_at);
    PERFORM note(p_by, 'client_secret_added', NULL, NULL, p_client, NULL);
    RETURN true;
END $$;

-- One verb about keys at a time; whoever reads them does not wait.
CREATE FUNCTION lock_keys() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE;
END $$;

CREATE FUNCTION set_key_state(p_id bytea, p_state text, p_by origin) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE keys SET state = p_state, since = p_by.at WHERE id = p_id;
END $$;

-- Retires the active key of a ring, if it has one.
CREATE FUNCTION retire_active_key(p_purpose text, p_algorithm text, p_by origin)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    active keys;
BEGIN
    SELECT * INTO active FROM keys
    WHERE purpose = p_purpose AND algorithm = p_algorithm AND state = 'active';
    IF FOUND THEN
        PERFORM set_key_state(active.id, 'retired', p_by);
        PERFORM note(p_by, 'key_moved', NULL, NULL, NULL, active.kid || ' retired');
    END IF;
END $$;

CREATE FUNCTION add_key(
    p_by origin, p_id bytea, p_purpose text, p_algorithm text, p_kid text, p_sealed bytea, p_state text,
    p_created_at bigint, p_since bigint, p_unless_active boolean
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_keys();
    IF EXISTS (SELECT FROM keys WHERE kid = p_kid OR id = p_id) THEN
        RETURN false;
    END IF;
    IF p_state = 'active' THEN
        IF p_unless_active AND EXISTS (
            SELECT FROM keys WHERE purpose = p_purpose AND algorithm = p_algorithm AND state = 'active'
        ) THEN
            RETURN false;
        END IF;
        PERFORM retire_active_key(p_purpose, p_algorithm, p_by);
    END IF;
    INSERT INTO keys (id, purpose, algorithm, kid, sealed, state, created_at, since)
    VALUES (p_id, p_purpose, p_algorithm, p_kid, p_sealed, p_state, p_created_at, p_since);
    PERFORM note(p_by, 'key_added', NULL, NULL, NULL, p_kid);
    RETURN true;
END $$;

CREATE FUNCTION move_key(p_by origin, p_id bytea, p_from text, p_to text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    moved keys;
BEGIN
    PERFORM lock_keys();
    SELECT * INTO moved FROM keys WHERE id = p_id AND state = p_from;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_to = 'active' THEN
        PERFORM retire_active_key(moved.purpose, moved.algorithm, p_by);
    END IF;
    PERFORM set_key_state(p_id, p_to, p_by);
    PERFORM note(p_by, 'key_moved', NULL, NULL, NULL, moved.kid || ' ' || p_to);
    RETURN true;
END $$;

CREATE FUNCTION drop_key(p_by origin, p_id bytea) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    dropped text;
BEGIN
    PERFORM lock_keys();
    DELETE FROM keys WHERE id = p_id AND state = 'retired' RETURNING kid INTO dropped;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM note(p_by, 'key_moved', NULL, NULL, NULL, dropped || ' dropped');
    RETURN true;
END $$;

CREATE FUNCTION remove_key(p_by origin, p_id bytea) RETURNS SETOF keys LANGUAGE plpgsql AS $$
DECLARE
    removed keys;
BEGIN
    PERFORM lock_keys();
    UPDATE keys SET sealed = '', state = 'removed', since = p_by.at
    WHERE id = p_id AND state <> 'removed' RETURNING * INTO removed;
    IF FOUND THEN
        PERFORM note(p_by, 'key_removed', NULL, NULL, NULL, removed.kid);
        IF removed.purpose = 'signing' THEN
            PERFORM append(json_build_object('kind', 'key', 'kid', removed.kid), NULL, p_by.at);
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM keys WHERE id = p_id;
END $$;

CREATE FUNCTION set_issuer_algorithm(p_by origin, p_algorithm text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note(p_by, 'key_moved', NULL, NULL, NULL, p_algorithm || ' is the issuer''s algorithm');
    UPDATE issuer SET algorithm = p_algorithm WHERE one;
END $$;
