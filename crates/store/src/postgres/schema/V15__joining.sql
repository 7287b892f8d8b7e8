-- lives with: 14
--
-- Another client joins a session that stands.

CREATE FUNCTION join_session(
    p_by origin, p_end bigint, p_id bytea, p_vouching_handle bytea, p_vouching_client text,
    p_replaces_until bigint, p_most bigint,
    p_client text, p_client_epoch bigint, p_handle bytea, p_scope text, p_style text,
    p_cur bigint, p_prev bigint, p_floor bigint, p_rotated_at bigint, p_handed_at bigint,
    p_retries integer, p_recoveries integer, p_network bigint, p_strangers integer, p_stranger_now boolean
) RETURNS answers LANGUAGE plpgsql AS $$
DECLARE
    given clients;
    replaced bytea[];
    vouching answers;
    joined answers;
BEGIN
    -- Locked in the order of all verbs: the grants that give way, if this one is given; then the session, so that whoever
    -- ends it, changes the password or joins at the same time comes wholly before or wholly after. User, clients and the
    -- issuer are not: a grant has its session's epochs, so whatever moves one reaches it, too.
    SELECT * INTO given FROM clients WHERE id = p_client;
    replaced := ARRAY(
        SELECT handle FROM grants
        WHERE absolute_end = p_end AND session = p_id AND client_key = given.key
            AND (cur > 0 OR rotated_at <= p_replaces_until)
        ORDER BY handle FOR UPDATE
    );
    PERFORM 1 FROM sessions WHERE absolute_end = p_end AND id = p_id FOR NO KEY UPDATE;

    -- 1. Is there such a grant, and may it vouch in this session?
    SELECT * INTO vouching FROM answers WHERE absolute_end = p_end AND handle = p_vouching_handle;
    IF (vouching.client = p_vouching_client AND vouching.session = p_id) IS NOT TRUE THEN
        RETURN answer('unknown');
    END IF;

    -- 2. Does everything still hold?
    IF p_by.at >= vouching.idle_end OR p_by.at >= p_end THEN
        RETURN answer('expired');
    ELSIF (vouching.current AND given.enabled AND given.epoch = p_client_epoch) IS NOT TRUE THEN
        RETURN answer('stale');
    ELSIF vouching.floor > 0 THEN
        RETURN answer('superseded');
    END IF;

    -- 3. Is there room, when what it takes the place of has gone?
    IF p_most <= (
        SELECT count(*) FROM grants
        WHERE absolute_end = p_end AND session = p_id AND handle <> ALL (replaced)
    ) THEN
        RETURN answer('full');
    END IF;
    DELETE FROM grants WHERE absolute_end = p_end AND handle = ANY (replaced);
    INSERT INTO grants VALUES (
        p_end, p_handle, p_id, given.key, p_client_epoch, p_scope, p_style, p_cur, p_prev, p_floor, p_rotated_at,
        p_handed_at, p_retries, p_recoveries, p_network, p_strangers, p_stranger_now
    );
    PERFORM note(p_by, 'signed_in', vouching.user_id, p_id, p_client, 'joined');
    SELECT * INTO STRICT joined FROM answers WHERE absolute_end = p_end AND handle = p_handle;
    joined.outcome := 'joined';
    RETURN joined;
END $$;
