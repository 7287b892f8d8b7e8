-- `rotate`: the renewal table, in one call. The table itself is `Generations::present` of countersign-auth; a test holds
-- the two together.

CREATE FUNCTION rotate(
    p_by origin, p_end bigint, p_handle bytea, p_client text, p_generation bigint, p_idle_end bigint,
    p_interval bigint, p_network bigint
) RETURNS answers LANGUAGE plpgsql AS $$
DECLARE
    r answers;
    seen answers;
    soon boolean;
    new_stranger boolean;
    alarm boolean := false;
BEGIN
    -- Mostly once. A second time with the grant locked, if another call moved it in between, or before a session ends.
    FOR pass IN 1..2 LOOP
        -- 1. Is there such a grant, and may this client use it?
        SELECT * INTO seen FROM answers WHERE absolute_end = p_end AND handle = p_handle;
        IF NOT FOUND OR seen.client <> p_client THEN
            RETURN answer('unknown');
        END IF;

        -- 2. Does it still hold?
        IF p_by.at >= seen.idle_end OR p_by.at >= seen.absolute_end THEN
            RETURN answer('expired');
        END IF;
        IF NOT seen.current THEN
            RETURN answer('stale');
        END IF;

        -- 3. What does this generation mean?
        r := seen;
        soon := greatest(p_by.at - seen.handed_at, 0) < p_interval;
        IF p_generation > seen.cur THEN
            r.outcome := 'ahead';
        ELSIF p_generation < seen.floor THEN
            r.outcome := 'superseded';
        ELSIF p_generation = seen.cur THEN
            IF soon THEN
                r.outcome := 'held';
            ELSIF seen.cur >= 4294967295 THEN
                r.outcome := 'lost';
            ELSE
                r.outcome := 'rotated';
                r.cur := seen.cur + 1;
                r.prev := seen.cur;
                r.rotated_at := p_by.at;
                r.handed_at := p_by.at;
                r.retries := 0;
                r.recoveries := 0;
                r.network := p_network;
                r.strangers := CASE WHEN seen.stranger_now THEN seen.strangers ELSE 0 END;
                r.stranger_now := false;
            END IF;
        ELSIF p_generation = seen.prev THEN
            IF soon THEN
                IF seen.retries >= 100 OR p_by.at > seen.rotated_at + 6 * p_interval THEN
                    r.outcome := 'too_many_retries';
                ELSE
                    new_stranger := p_network <> seen.network AND NOT seen.stranger_now;
                    r.outcome := 'retried';
                    r.handed_at := greatest(p_by.at, seen.handed_at);
                    r.retries := seen.retries + 1;
                    r.strangers := least(seen.strangers + new_stranger::integer, 255);
                    r.stranger_now := seen.stranger_now OR new_stranger;
                    alarm := new_stranger AND r.strangers >= 3;
                END IF;
            ELSIF seen.recoveries >= 5 OR seen.cur >= 4294967295 THEN
                r.outcome := 'lost';
            ELSE
                r.outcome := 'recovered';
                r.cur := seen.cur + 1;
                r.rotated_at := p_by.at;
                r.handed_at := p_by.at;
                r.retries := 0;
                r.recoveries := seen.recoveries + 1;
            END IF;
        ELSE
            r.outcome := 'reused';
        END IF;

        -- 4. Do that.
        IF r.outcome IN ('held', 'too_many_retries', 'superseded') THEN
            RETURN r;
        ELSIF r.outcome IN ('lost', 'reused', 'ahead') THEN
            IF pass = 1 THEN
                PERFORM 1 FROM grants WHERE absolute_end = p_end AND handle = p_handle FOR NO KEY UPDATE;
                CONTINUE;
            END IF;
            IF NOT end_session(
                p_by, p_end, r.session,
                CASE r.outcome
                    WHEN 'reused' THEN 'refresh_token_reused'
                    WHEN 'ahead' THEN 'store_lost_writes'
                    ELSE 'session_ended'
                END,
                r.user_id, r.client,
                CASE r.outcome WHEN 'lost' THEN 'six answers in a row were lost' END
            ) THEN
                RETURN answer('unknown');
            END IF;
            RETURN r;
        END IF;

        -- Every move that stores anything moves one of these two, and neither ever goes back.
        UPDATE grants SET
            cur = r.cur, prev = r.prev, floor = r.floor, rotated_at = r.rotated_at, handed_at = r.handed_at,
            retries = r.retries, recoveries = r.recoveries, network = r.network,
            strangers = r.strangers, stranger_now = r.stranger_now
        WHERE absolute_end = p_end AND handle = p_handle AND cur = seen.cur AND retries = seen.retries;
        CONTINUE WHEN NOT FOUND;

        -- The idle end is moved when that would move it by a sixteenth of the idle time; sooner, a renewal leaves the
        -- session's row alone.
        r.idle_end := least(p_idle_end, r.absolute_end);
        IF r.idle_end > seen.idle_end
            AND (r.idle_end - seen.idle_end) * 16 >= greatest(r.idle_end - p_by.at, 0)
        THEN
            UPDATE sessions SET idle_end = r.idle_end WHERE absolute_end = p_end AND id = r.session;
        ELSE
            r.idle_end := seen.idle_end;
        END IF;
        IF alarm THEN
            PERFORM note(p_by, 'retried_from_elsewhere', r.user_id, r.session, r.client, NULL);
        END IF;
        RETURN r;
    END LOOP;
    RAISE EXCEPTION 'a locked grant moved' USING ERRCODE = 'serialization_failure';
END $$;
