-- The revocation log and the audit trail: what every verb that changes something ends with.

-- Who does something, from where, when.
CREATE TYPE origin AS (at bigint, actor text, address text, agent text);

CREATE FUNCTION note(
    p_by origin, p_what text, p_user bytea, p_session bytea, p_client text, p_detail text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (at, what, actor, user_id, session, client, address, agent, detail)
    VALUES (p_by.at, p_what, p_by.actor, p_user, p_session, p_client, p_by.address, p_by.agent, p_detail);
END $$;

-- Begins the end of a revoking verb: from here to its commit no other one appends. So numbers have no gaps, and whoever
-- sees one sees all below. The last row that a verb locks.
CREATE FUNCTION lock_log() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM issuer WHERE one FOR NO KEY UPDATE;
END $$;

-- Appends an event; the counter is advanced last. Its number.
CREATE FUNCTION append(p_what json, p_audience text, p_at bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head issuer;
BEGIN
    PERFORM lock_log();
    SELECT * INTO STRICT head FROM issuer WHERE one;
    INSERT INTO revocations (sequence, what, until, audience)
    VALUES (head.sequence + 1, p_what, (p_at + head.event_lifetime + 999) / 1000, p_audience);
    UPDATE issuer SET sequence = head.sequence + 1 WHERE one;
    RETURN head.sequence + 1;
END $$;

-- For whom all the tokens of these clients are that can be valid now, if that can be told: they agree, and none has
-- changed its audience while a token of before can live. For a minute after the change, a request that is under way,
-- or another node, may still issue tokens under the old one.
CREATE FUNCTION audience_of(p_clients bigint[], p_at bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT CASE WHEN bool_and(known) AND count(DISTINCT audience) = 1 THEN min(audience) END
        FROM (
            SELECT
                coalesce(c.settings ->> 'audience', '') AS audience,
                c.audience_since = 0 OR p_at > c.audience_since + i.event_lifetime + 60000 AS known
            FROM clients c CROSS JOIN issuer i
            WHERE c.key = ANY (p_clients)
        ) told
    );
END $$;

-- Everybody signs in again.
CREATE FUNCTION end_everything(p_by origin) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    below bigint;
BEGIN
    PERFORM note(p_by, 'everybody_signed_out', NULL, NULL, NULL, NULL);
    UPDATE issuer SET epoch = epoch + 1 WHERE one RETURNING epoch INTO below;
    PERFORM append(json_build_object('kind', 'all', 'below', below), NULL, p_by.at);
END $$;

-- A reader is ahead of the log, which proves that the log was rolled back. Unless that has been seen to already.
CREATE FUNCTION begin_anew(p_incarnation bigint, p_sequence bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE issuer SET incarnation = random_incarnation()
    WHERE one AND incarnation = p_incarnation AND sequence < p_sequence;
END $$;

-- Keeps the longest lifetime that was ever told.
CREATE FUNCTION keep_event_lifetime(p_configured bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    UPDATE issuer SET event_lifetime = p_configured WHERE one AND event_lifetime < p_configured;
    RETURN (SELECT event_lifetime FROM issuer WHERE one);
END $$;

-- Drops at most so many events that have lapsed, then lines from before a moment. One node at a time is enough.
CREATE FUNCTION sweep_directory(p_now_secs bigint, p_audit_before bigint, p_limit bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    events bigint;
    lines  bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('countersign'), hashtext('sweep_directory')) THEN
        RETURN 0;
    END IF;
    DELETE FROM revocations WHERE sequence IN (
        SELECT sequence FROM revocations WHERE until < p_now_secs ORDER BY until LIMIT p_limit
    );
    GET DIAGNOSTICS events = ROW_COUNT;
    DELETE FROM audit WHERE key IN (
        SELECT key FROM audit WHERE at < p_audit_before ORDER BY at LIMIT p_limit - events
    );
    GET DIAGNOSTICS lines = ROW_COUNT;
    RETURN events + lines;
END $$;
