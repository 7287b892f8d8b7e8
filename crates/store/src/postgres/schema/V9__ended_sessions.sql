-- What this directory does for sessions that are kept in another store.

-- Those that were ended: what is here is over, whatever that store says. Their ids begin with their absolute end, so
-- the oldest go first. Locked after a user and before the issuer, in the order of the ids.
CREATE TABLE ended_sessions (
    id bytea PRIMARY KEY
);

-- Ends sessions for good. Those that were ended before are left out; if that leaves none, nothing happens, and the
-- answer is empty. Else the place after the last event. The clients of each are one text, with commas.
CREATE FUNCTION end_elsewhere(
    p_by origin, p_ids bytea[], p_clients text[],
    p_what text, p_user bytea, p_session bytea, p_client text, p_detail text
) RETURNS TABLE (incarnation bigint, sequence bigint) LANGUAGE plpgsql AS $$
DECLARE
    fresh bytea[];
    one record;
BEGIN
    WITH added AS (
        INSERT INTO ended_sessions (id) SELECT DISTINCT i FROM unnest(p_ids) i ORDER BY i
        ON CONFLICT DO NOTHING RETURNING id
    )
    SELECT array_agg(id) INTO fresh FROM added;
    IF fresh IS NULL THEN
        RETURN;
    END IF;
    PERFORM note(p_by, p_what, p_user, p_session, p_client, p_detail);
    -- Before the audience of its clients is read: who changes that has the log locked, too.
    PERFORM lock_log();
    FOR one IN
        SELECT e.id, e.clients FROM unnest(p_ids, p_clients) e(id, clients)
        WHERE e.id = ANY (fresh) ORDER BY e.id
    LOOP
        PERFORM append(
            json_build_object('kind', 'session', 'sid', base64url(one.id)),
            audience_of(
                ARRAY(SELECT c.key FROM clients c WHERE c.id = ANY (string_to_array(one.clients, ','))), p_by.at
            ),
            p_by.at
        );
    END LOOP;
    RETURN QUERY SELECT i.incarnation, i.sequence FROM issuer i WHERE i.one;
END $$;

-- Ends whatever a user has. NULL: no such user. Else the new epoch.
CREATE FUNCTION cut_off_elsewhere(p_by origin, p_user bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found_key bigint;
BEGIN
    SELECT key INTO found_key FROM users WHERE id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM note(p_by, 'sessions_ended', p_user, NULL, NULL, NULL);
    RETURN cut_off_user(found_key, p_by.at);
END $$;

-- The half of a change of password that is no session's. The user as they are then, or nothing if anything has moved.
CREATE FUNCTION change_password_elsewhere(
    p_by origin, p_user bytea, p_seen_epoch bigint, p_hash text, p_session bytea,
    p_client text, p_client_epoch bigint, p_issuer_epoch bigint
) RETURNS SETOF user_rows LANGUAGE plpgsql AS $$
DECLARE
    of_user users;
    given clients;
BEGIN
    SELECT * INTO of_user FROM users WHERE id = p_user FOR NO KEY UPDATE;
    SELECT * INTO given FROM clients WHERE id = p_client;
    IF (
        of_user.enabled AND of_user.epoch = p_seen_epoch
        AND given.enabled AND given.epoch = p_client_epoch
        AND (SELECT epoch FROM issuer WHERE one) = p_issuer_epoch
        AND NOT EXISTS (SELECT FROM ended_sessions WHERE id = p_session)
    ) IS NOT TRUE THEN
        RETURN;
    END IF;
    PERFORM put_password(of_user.key, p_hash);
    PERFORM note(p_by, 'password_changed', p_user, p_session, p_client, NULL);
    PERFORM cut_off_user(of_user.key, p_by.at);
    RETURN QUERY SELECT * FROM user_rows WHERE id = p_user;
END $$;
