-- The verbs of the directory about users.

CREATE FUNCTION add_user(
    p_by origin, p_id bytea, p_email text, p_username text, p_name text, p_roles text, p_attributes text,
    p_at bigint, p_hash text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    added bigint;
    taken text;
BEGIN
    IF EXISTS (SELECT FROM users WHERE email = p_email) THEN
        RETURN 'one_email';
    END IF;
    IF EXISTS (SELECT FROM users WHERE username = p_username) THEN
        RETURN 'one_username';
    END IF;
    BEGIN
        INSERT INTO users (id, email, username, name, roles, attributes, enabled, epoch, created_at, updated_at)
        VALUES (p_id, p_email, p_username, p_name, p_roles::json, p_attributes::json, true, 0, p_at, p_at)
        RETURNING key INTO added;
    EXCEPTION WHEN unique_violation THEN
        -- Somebody was quicker by a moment.
        GET STACKED DIAGNOSTICS taken = CONSTRAINT_NAME;
        IF taken NOT IN ('one_email', 'one_username') THEN
            RAISE;
        END IF;
        RETURN taken;
    END;
    IF p_hash IS NOT NULL THEN
        INSERT INTO passwords (user_key, hash) VALUES (added, p_hash);
    END IF;
    PERFORM note(p_by, 'user_registered', p_id, NULL, NULL, NULL);
    RETURN 'added';
END $$;

-- Changes a user's profile if it is still as it was seen; else answers `again`.
CREATE FUNCTION change_user(
    p_by origin, p_id bytea,
    p_seen_email text, p_seen_username text, p_seen_name text, p_seen_roles text, p_seen_attributes text,
    p_email text, p_username text, p_name text, p_roles text, p_attributes text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found_key bigint;
    taken     text;
BEGIN
    SELECT key INTO found_key FROM users
    WHERE id = p_id AND email = p_seen_email AND username IS NOT DISTINCT FROM p_seen_username
        AND name IS NOT DISTINCT FROM p_seen_name
        AND roles::text = p_seen_roles AND attributes::text = p_seen_attributes
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'again';
    END IF;
    IF EXISTS (SELECT FROM users WHERE email = p_email AND key <> found_key) THEN
        RETURN 'one_email';
    END IF;
    IF EXISTS (SELECT FROM users WHERE username = p_username AND key <> found_key) THEN
        RETURN 'one_username';
    END IF;
    BEGIN
        UPDATE users SET
            email = p_email, username = p_username, name = p_name,
            roles = p_roles::json, attributes = p_attributes::json, updated_at = p_by.at
        WHERE key = found_key;
    EXCEPTION WHEN unique_violation THEN
        GET STACKED DIAGNOSTICS taken = CONSTRAINT_NAME;
        RETURN taken;
    END;
    PERFORM note(p_by, 'user_changed', p_id, NULL, NULL, NULL);
    PERFORM append(json_build_object('kind', 'changed', 'sub', base64url(p_id)), NULL, p_by.at);
    RETURN 'changed';
END $$;

-- How ids are written in tokens and events (RFC 4648 §5, without padding).
CREATE FUNCTION base64url(p_bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE
RETURN translate(rtrim(encode(p_bytes, 'base64'), '='), '+/', '-_');

CREATE FUNCTION put_password(p_user bigint, p_hash text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO passwords (user_key, hash) VALUES (p_user, p_hash)
    ON CONFLICT (user_key) DO UPDATE SET hash = excluded.hash;
END $$;

-- Ends all sessions and tokens of a user, however many there are. The rows of the sessions stay until their time is
-- up, so that their tokens answer `Stale`. The new epoch.
CREATE FUNCTION cut_off_user(p_user bigint, p_at bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    cut users;
BEGIN
    UPDATE users SET epoch = epoch + 1, updated_at = p_at WHERE key = p_user RETURNING * INTO STRICT cut;
    PERFORM append(
        json_build_object('kind', 'subject', 'sub', base64url(cut.id), 'below', cut.epoch), NULL, p_at
    );
    RETURN cut.epoch;
END $$;

-- NULL: no such user. Else the new epoch.
CREATE FUNCTION set_password(p_by origin, p_id bytea, p_hash text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found_key bigint;
BEGIN
    SELECT key INTO found_key FROM users WHERE id = p_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM put_password(found_key, p_hash);
    PERFORM note(p_by, 'password_changed', p_id, NULL, NULL, NULL);
    RETURN cut_off_user(found_key, p_by.at);
END $$;

CREATE FUNCTION rehash_password(p_by origin, p_id bytea, p_old text, p_new text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE passwords SET hash = p_new
    WHERE hash = p_old AND user_key = (SELECT key FROM users WHERE id = p_id);
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM note(p_by, 'password_rehashed', p_id, NULL, NULL, NULL);
    RETURN true;
END $$;

-- A user as the directory reads one.
CREATE VIEW user_rows AS
SELECT id, email, username, name, roles::text AS roles, attributes::text AS attributes, enabled, epoch, created_at, updated_at
FROM users;

-- The user, as it is then.
CREATE FUNCTION set_user_enabled(p_by origin, p_id bytea, p_enabled boolean)
RETURNS SETOF user_rows LANGUAGE plpgsql AS $$
DECLARE
    found_user users;
BEGIN
    SELECT * INTO found_user FROM users WHERE id = p_id FOR NO KEY UPDATE;
    IF FOUND AND found_user.enabled <> p_enabled THEN
        UPDATE users SET enabled = p_enabled, updated_at = p_by.at WHERE key = found_user.key;
        IF p_enabled THEN
            PERFORM note(p_by, 'user_enabled', p_id, NULL, NULL, NULL);
        ELSE
            PERFORM note(p_by, 'user_disabled', p_id, NULL, NULL, NULL);
            PERFORM cut_off_user(found_user.key, p_by.at);
        END IF;
    END IF;
    RETURN QUERY SELECT * FROM user_rows WHERE id = p_id;
END $$;

CREATE FUNCTION delete_user(p_by origin, p_id bytea) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    gone users;
BEGIN
    SELECT * INTO gone FROM users WHERE id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM grants g USING sessions s
    WHERE s.user_key = gone.key AND g.absolute_end = s.absolute_end AND g.session = s.id;
    DELETE FROM sessions WHERE user_key = gone.key;
    DELETE FROM users WHERE key = gone.key;
    PERFORM note(p_by, 'user_deleted', p_id, NULL, NULL, NULL);
    -- What tells where they were goes from the trail; the id remains, as a pseudonym.
    UPDATE audit SET address = NULL, agent = NULL WHERE user_id = p_id;
    -- The id is never used again, so one above the last epoch is above any.
    PERFORM append(
        json_build_object('kind', 'subject', 'sub', base64url(p_id), 'below', gone.epoch + 1), NULL, p_by.at
    );
    RETURN true;
END $$;
