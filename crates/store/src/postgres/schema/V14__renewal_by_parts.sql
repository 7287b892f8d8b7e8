-- lives with: 13
--
-- `rotate` without a join. Of its five tables two are partitioned, and which partition it is comes as a value: so the five
-- were joined anew at each call, and with as many days as ninety are in use, planning that took more than all else together.
-- Now each row is looked up by its key, by plans that are kept.
--
-- What is read in parts is as good as read at once if the grant did not move in between: whatever changes several of these
-- rows and lets the session go on (a change of password) moves the grant, too. Each move of a grant moves `cur` or
-- `retries`, and neither ever goes back. So the last statement before an answer that could be wrong otherwise is one about
-- the grant, and finds it only if these two still stand. The table itself is `Generations::present` of countersign-auth; a
-- test holds the two together.

CREATE OR REPLACE FUNCTION rotate(
    p_by origin, p_end bigint, p_handle bytea, p_client text, p_generation bigint, p_idle_end bigint,
    p_interval bigint, p_network bigint
) RETURNS answers LANGUAGE plpgsql AS $$
DECLARE
    held grants;
    standing sessions;
    of_user users;
    client text;
    stands boolean;
    moved grants;
    outcome text;
    soon boolean;
    new_stranger boolean;
    alarm boolean := false;
    later bigint;
BEGIN
    -- Mostly once. A second time with the grant locked, if another call moved it in between, or before a session ends.
    FOR pass IN 1..2 LOOP
        -- 1. Is there such a grant, and may this client use it?
        IF pass = 1 THEN
            SELECT * INTO held FROM grants WHERE absolute_end = p_end AND handle = p_handle;
        ELSE
            SELECT * INTO held FROM grants WHERE absolute_end = p_end AND handle = p_handle FOR NO KEY UPDATE;
        END IF;
        SELECT * INTO standing FROM sessions WHERE absolute_end = p_end AND id = held.session;
        SELECT * INTO of_user FROM users WHERE key = standing.user_key;
        SELECT c.id, c.enabled AND c.epoch = held.client_epoch AND i.epoch = standing.issuer_epoch
        INTO client, stands
        FROM clients c, issuer i WHERE c.key = held.client_key AND i.one;
        IF of_user.key IS NULL OR client IS DISTINCT FROM p_client THEN
            RETURN answer('unknown');
        END IF;

        -- 2. Does it still hold?
        IF p_by.at >= standing.idle_end OR p_by.at >= p_end THEN
            RETURN answer('expired');
        END IF;

        -- 3. What does this generation mean?
        moved := held;
        soon := greatest(p_by.at - held.handed_at, 0) < p_interval;
        IF NOT (stands AND of_user.enabled AND of_user.epoch = standing.user_epoch) THEN
            outcome := 'stale';
        ELSIF p_generation > held.cur THEN
            outcome := 'ahead';
        ELSIF p_generation < held.floor THEN
            outcome := 'superseded';
        ELSIF p_generation = held.cur THEN
            IF soon THEN
                outcome := 'held';
            ELSIF held.cur >= 4294967295 THEN
                outcome := 'lost';
            ELSE
                outcome := 'rotated';
                moved.cur := held.cur + 1;
                moved.prev := held.cur;
                moved.rotated_at := p_by.at;
                moved.handed_at := p_by.at;
                moved.retries := 0;
                moved.recoveries := 0;
                moved.network := p_network;
                moved.strangers := CASE WHEN held.stranger_now THEN held.strangers ELSE 0 END;
                moved.stranger_now := false;
            END IF;
        ELSIF p_generation = held.prev THEN
            IF soon THEN
                IF held.retries >= 100 OR p_by.at > held.rotated_at + 6 * p_interval THEN
                    outcome := 'too_many_retries';
                ELSE
                    new_stranger := p_network <> held.network AND NOT held.stranger_now;
                    outcome := 'retried';
                    moved.handed_at := greatest(p_by.at, held.handed_at);
                    moved.retries := held.retries + 1;
                    moved.strangers := least(held.strangers + new_stranger::integer, 255);
                    moved.stranger_now := held.stranger_now OR new_stranger;
                    alarm := new_stranger AND moved.strangers >= 3;
                END IF;
            ELSIF held.recoveries >= 5 OR held.cur >= 4294967295 THEN
                outcome := 'lost';
            ELSE
                outcome := 'recovered';
                moved.cur := held.cur + 1;
                moved.rotated_at := p_by.at;
                moved.handed_at := p_by.at;
                moved.retries := 0;
                moved.recoveries := held.recoveries + 1;
            END IF;
        ELSE
            outcome := 'reused';
        END IF;

        -- 4. Do that.
        IF outcome IN ('rotated', 'retried', 'recovered') THEN
            UPDATE grants SET
                cur = moved.cur, prev = moved.prev, rotated_at = moved.rotated_at, handed_at = moved.handed_at,
                retries = moved.retries, recoveries = moved.recoveries, network = moved.network,
                strangers = moved.strangers, stranger_now = moved.stranger_now
            WHERE absolute_end = p_end AND handle = p_handle AND cur = held.cur AND retries = held.retries;
            CONTINUE WHEN NOT FOUND;
            -- The idle end is moved when that would move it by a sixteenth of the idle time; sooner, a renewal leaves
            -- the session's row alone.
            later := least(p_idle_end, p_end);
            IF later > standing.idle_end AND (later - standing.idle_end) * 16 >= greatest(later - p_by.at, 0) THEN
                standing.idle_end := later;
                UPDATE sessions SET idle_end = later WHERE absolute_end = p_end AND id = standing.id;
            END IF;
            IF alarm THEN
                PERFORM note(p_by, 'retried_from_elsewhere', of_user.id, standing.id, client, NULL);
            END IF;
        ELSIF pass = 1 THEN
            CONTINUE WHEN outcome IN ('lost', 'reused', 'ahead');
            PERFORM 1 FROM grants
            WHERE absolute_end = p_end AND handle = p_handle AND cur = held.cur AND retries = held.retries;
            CONTINUE WHEN NOT FOUND;
        ELSIF outcome IN ('lost', 'reused', 'ahead') THEN
            IF NOT end_session(
                p_by, p_end, standing.id,
                CASE outcome
                    WHEN 'reused' THEN 'refresh_token_reused'
                    WHEN 'ahead' THEN 'store_lost_writes'
                    ELSE 'session_ended'
                END,
                of_user.id, client,
                CASE outcome WHEN 'lost' THEN 'six answers in a row were lost' END
            ) THEN
                RETURN answer('unknown');
            END IF;
        END IF;
        RETURN ROW(
            of_user.id, of_user.email, of_user.username, of_user.name, of_user.roles::text, of_user.attributes::text,
            of_user.enabled, of_user.epoch, of_user.created_at, of_user.updated_at,
            standing.id, standing.user_epoch, standing.issuer_epoch, standing.auth_time, standing.amr::text,
            standing.idle_end, standing.device, standing.address,
            moved.client_epoch, moved.scope, moved.style, moved.cur, moved.prev, moved.floor, moved.rotated_at,
            moved.handed_at, moved.retries, moved.recoveries, moved.network, moved.strangers, moved.stranger_now,
            client, moved.handle, outcome, moved.absolute_end, outcome <> 'stale'
        )::answers;
    END LOOP;
    RAISE EXCEPTION 'a locked grant moved' USING ERRCODE = 'serialization_failure';
END $$;
