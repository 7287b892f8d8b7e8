-- Sessions and grants, and the verbs about them except `rotate`.

-- All that issuing a token needs, with room for what a verb answers. `current`: user, client and issuer still stand
-- where they stood at sign-in, and none is disabled.
CREATE VIEW answers AS
SELECT
    u.id AS user_id, u.email, u.username, u.name, u.roles::text AS roles, u.attributes::text AS attributes,
    u.enabled, u.epoch, u.created_at, u.updated_at,
    s.id AS session, s.user_epoch, s.issuer_epoch, s.auth_time, s.amr::text AS amr, s.idle_end, s.device, s.address,
    g.client_epoch, g.scope, g.style, g.cur, g.prev, g.floor, g.rotated_at, g.handed_at,
    g.retries, g.recoveries, g.network, g.strangers, g.stranger_now,
    c.id AS client, g.handle, NULL::text AS outcome, g.absolute_end,
    u.enabled AND c.enabled
        AND s.user_epoch = u.epoch AND g.client_epoch = c.epoch AND s.issuer_epoch = i.epoch AS current
FROM grants g
JOIN sessions s ON s.absolute_end = g.absolute_end AND s.id = g.session
JOIN users u ON u.key = s.user_key
JOIN clients c ON c.key = g.client_key
JOIN issuer i ON i.one;

-- An answer with nothing but its word.
CREATE FUNCTION answer(p_outcome text) RETURNS answers LANGUAGE plpgsql AS $$
DECLARE
    said answers;
BEGIN
    said.outcome := p_outcome;
    RETURN said;
END $$;

CREATE FUNCTION open(
    p_by origin, p_user bytea, p_user_epoch bigint, p_issuer_epoch bigint, p_end bigint, p_id bytea,
    p_auth_time bigint, p_amr text, p_idle_end bigint, p_device text, p_address text,
    p_client text, p_client_epoch bigint, p_handle bytea, p_scope text, p_style text,
    p_cur bigint, p_prev bigint, p_floor bigint, p_rotated_at bigint, p_handed_at bigint,
    p_retries integer, p_recoveries integer, p_network bigint, p_strangers integer, p_stranger_now boolean
) RETURNS answers LANGUAGE plpgsql AS $$
DECLARE
    signing_in users;
    given clients;
    opened answers;
BEGIN
    -- Locked, so that whoever raises its epoch comes wholly before or wholly after. Clients and the issuer are not:
    -- every sign-in would wait there for every other one, and a session that bears an older epoch is as good as gone.
    SELECT * INTO signing_in FROM users WHERE id = p_user FOR SHARE;
    SELECT * INTO given FROM clients WHERE id = p_client;
    IF (
        signing_in.enabled AND given.enabled
        AND signing_in.epoch = p_user_epoch AND given.epoch = p_client_epoch
        AND (SELECT epoch FROM issuer WHERE one) = p_issuer_epoch
    ) IS NOT TRUE THEN
        RETURN answer('stale');
    END IF;
    INSERT INTO sessions
        (absolute_end, id, user_key, user_epoch, issuer_epoch, auth_time, amr, idle_end, device, address)
    VALUES
        (p_end, p_id, signing_in.key, p_user_epoch, p_issuer_epoch, p_auth_time, p_amr::json,
         least(p_idle_end, p_end), p_device, p_address);
    INSERT INTO grants VALUES (
        p_end, p_handle, p_id, given.key, p_client_epoch, p_scope, p_style, p_cur, p_prev, p_floor, p_rotated_at,
        p_handed_at, p_retries, p_recoveries, p_network, p_strangers, p_stranger_now
    );
    PERFORM note(p_by, 'signed_in', p_user, p_id, p_client, NULL);
    SELECT * INTO STRICT opened FROM answers WHERE absolute_end = p_end AND handle = p_handle;
    opened.outcome := 'opened';
    RETURN opened;
END $$;

-- Ends a session whose row the caller has locked: event and rows. Of its grants, whichever is being renewed at this
-- moment stays behind without a session, until its day is dropped: nothing waits for it, and it answers nobody.
CREATE FUNCTION drop_session(p_end bigint, p_id bytea, p_at bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    audience text;
BEGIN
    DELETE FROM sessions WHERE absolute_end = p_end AND id = p_id;
    -- Before the audience of its clients is read: who changes that has the log locked, too.
    PERFORM lock_log();
    audience := audience_of(
        ARRAY(SELECT client_key FROM grants WHERE absolute_end = p_end AND session = p_id), p_at
    );
    DELETE FROM grants WHERE absolute_end = p_end AND handle IN (
        SELECT handle FROM grants WHERE absolute_end = p_end AND session = p_id FOR UPDATE SKIP LOCKED
    );
    PERFORM append(json_build_object('kind', 'session', 'sid', base64url(p_id)), audience, p_at);
END $$;

-- Ends one session: line, event, rows. Whether it was there.
CREATE FUNCTION end_session(
    p_by origin, p_end bigint, p_id bytea, p_what text, p_user bytea, p_client text, p_detail text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM sessions WHERE absolute_end = p_end AND id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM note(p_by, p_what, p_user, p_id, p_client, p_detail);
    PERFORM drop_session(p_end, p_id, p_by.at);
    RETURN true;
END $$;

-- Ends one session that stands where it stood at sign-in; with an owner, only if it is theirs.
CREATE FUNCTION end_one(p_by origin, p_end bigint, p_id bytea, p_owner bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    ending sessions;
    owner bytea;
BEGIN
    SELECT * INTO ending FROM sessions WHERE absolute_end = p_end AND id = p_id FOR UPDATE;
    -- Seen after the lock: a change of password may just have given it another epoch.
    SELECT u.id INTO owner FROM users u JOIN issuer i ON i.one
    WHERE u.key = ending.user_key AND u.epoch = ending.user_epoch AND i.epoch = ending.issuer_epoch;
    IF owner IS NULL OR owner <> p_owner THEN
        RETURN false;
    END IF;
    RETURN end_session(p_by, p_end, p_id, 'session_ended', owner, NULL, NULL);
END $$;

-- Ends the session of a grant that stands where it stood at sign-in. Which one.
CREATE FUNCTION end_of_grant(p_by origin, p_end bigint, p_handle bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    ending answers;
BEGIN
    PERFORM 1 FROM sessions WHERE absolute_end = p_end AND id = (
        SELECT session FROM grants WHERE absolute_end = p_end AND handle = p_handle
    ) FOR UPDATE;
    SELECT * INTO ending FROM answers WHERE absolute_end = p_end AND handle = p_handle;
    IF ending.current IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    PERFORM end_session(p_by, p_end, ending.session, 'session_ended', ending.user_id, ending.client, NULL);
    RETURN ending.session;
END $$;

-- Ends a user's sessions: all by one epoch, or all but one by an event each. How many there were.
CREATE FUNCTION end_all(p_by origin, p_user bytea, p_but bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    of_user users;
    one sessions;
    ended bigint := 0;
BEGIN
    SELECT * INTO of_user FROM users WHERE id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    IF p_but IS NULL THEN
        SELECT count(*) INTO ended FROM sessions s JOIN issuer i ON i.one
        WHERE s.user_key = of_user.key AND s.user_epoch = of_user.epoch AND s.issuer_epoch = i.epoch;
        PERFORM note(p_by, 'sessions_ended', p_user, NULL, NULL, ended::text);
        PERFORM cut_off_user(of_user.key, p_by.at);
        RETURN ended;
    END IF;
    -- All of them are locked before the log is: nobody is waited for with the log locked.
    PERFORM 1 FROM sessions WHERE user_key = of_user.key AND id <> p_but ORDER BY id FOR UPDATE;
    FOR one IN
        SELECT s.* FROM sessions s JOIN issuer i ON i.one
        WHERE s.user_key = of_user.key AND s.user_epoch = of_user.epoch AND s.issuer_epoch = i.epoch
            AND s.id <> p_but
        ORDER BY s.id
    LOOP
        ended := ended + 1;
        PERFORM drop_session(one.absolute_end, one.id, p_by.at);
    END LOOP;
    IF ended > 0 THEN
        PERFORM note(p_by, 'sessions_ended', p_user, p_but, NULL, ended::text);
    END IF;
    RETURN ended;
END $$;

-- A session's user changes their password, in one step.
CREATE FUNCTION change_password(
    p_by origin, p_user bytea, p_seen_epoch bigint, p_hash text, p_end bigint, p_id bytea,
    p_client text, p_client_epoch bigint, p_handle bytea, p_scope text, p_style text,
    p_cur bigint, p_prev bigint, p_floor bigint, p_rotated_at bigint, p_handed_at bigint,
    p_retries integer, p_recoveries integer, p_network bigint, p_strangers integer, p_stranger_now boolean
) RETURNS answers LANGUAGE plpgsql AS $$
DECLARE
    of_user users;
    given clients;
    standing sessions;
    changed answers;
BEGIN
    -- 1. Does everything stand where the check of the old password saw it?
    SELECT * INTO of_user FROM users WHERE id = p_user FOR NO KEY UPDATE;
    SELECT * INTO given FROM clients WHERE id = p_client;
    PERFORM 1 FROM grants WHERE absolute_end = p_end AND session = p_id ORDER BY handle FOR NO KEY UPDATE;
    SELECT * INTO standing FROM sessions WHERE absolute_end = p_end AND id = p_id FOR NO KEY UPDATE;
    IF (
        of_user.enabled AND of_user.epoch = p_seen_epoch
        AND given.enabled AND given.epoch = p_client_epoch
        AND standing.user_key = of_user.key AND standing.user_epoch = of_user.epoch
        AND standing.issuer_epoch = (SELECT epoch FROM issuer WHERE one)
        AND p_by.at < standing.idle_end
    ) IS NOT TRUE THEN
        RETURN answer('stale');
    END IF;

    -- 2. This one goes on under a new grant only. Where four thousand million renewals have left no generation to be
    -- above the old ones, the old grant goes.
    DELETE FROM grants WHERE absolute_end = p_end AND session = p_id AND cur >= 4294967295;
    UPDATE grants SET
        cur = cur + 1, prev = NULL, floor = cur + 1, rotated_at = p_by.at, handed_at = p_by.at,
        retries = 0, recoveries = 0
    WHERE absolute_end = p_end AND session = p_id;
    INSERT INTO grants VALUES (
        p_end, p_handle, p_id, given.key, p_client_epoch, p_scope, p_style, p_cur, p_prev, p_floor, p_rotated_at,
        p_handed_at, p_retries, p_recoveries, p_network, p_strangers, p_stranger_now
    );

    -- 3. The new password; every session ends by the new epoch, but this one gets it.
    PERFORM put_password(of_user.key, p_hash);
    UPDATE sessions SET user_epoch = of_user.epoch + 1 WHERE absolute_end = p_end AND id = p_id;
    PERFORM note(p_by, 'password_changed', p_user, p_id, p_client, NULL);
    PERFORM cut_off_user(of_user.key, p_by.at);
    SELECT * INTO STRICT changed FROM answers WHERE absolute_end = p_end AND handle = p_handle;
    changed.outcome := 'changed';
    RETURN changed;
END $$;

-- A revocation that no other verb causes: what is said to be over is over here, too.
CREATE FUNCTION revoke(
    p_by origin, p_what text, p_user bytea, p_client text, p_below bigint, p_end bigint, p_id bytea, p_detail text,
    OUT incarnation bigint, OUT sequence bigint
) LANGUAGE plpgsql AS $$
DECLARE
    found_client clients;
    audience text;
BEGIN
    IF p_what IS NULL THEN
        PERFORM end_everything(p_by);
    ELSE
        IF p_id IS NOT NULL THEN
            PERFORM 1 FROM sessions s WHERE s.absolute_end = p_end AND s.id = p_id FOR UPDATE;
            IF FOUND THEN
                PERFORM note(p_by, 'revoked', p_user, p_id, p_client, p_detail);
                PERFORM drop_session(p_end, p_id, p_by.at);
                SELECT i.incarnation, i.sequence INTO incarnation, sequence FROM issuer i WHERE i.one;
                RETURN;
            END IF;
        END IF;
        PERFORM note(p_by, 'revoked', p_user, p_id, p_client, p_detail);
        IF p_below IS NOT NULL AND p_user IS NOT NULL THEN
            UPDATE users SET epoch = p_below, updated_at = p_by.at WHERE id = p_user AND epoch < p_below;
        END IF;
        IF p_client IS NOT NULL THEN
            UPDATE clients SET epoch = p_below WHERE id = p_client AND epoch < p_below;
            PERFORM lock_log();
            SELECT * INTO found_client FROM clients WHERE id = p_client AND settings ->> 'kind' <> 'service';
            audience := audience_of(ARRAY[found_client.key], p_by.at);
        END IF;
        PERFORM append(p_what::json, audience, p_by.at);
    END IF;
    -- The log is locked until the end: this is the place after the event.
    SELECT i.incarnation, i.sequence INTO incarnation, sequence FROM issuer i WHERE i.one;
END $$;
