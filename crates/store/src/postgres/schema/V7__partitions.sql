-- Partitions: one for each day (UTC) of absolute ends, made ahead and dropped behind.

CREATE FUNCTION one_node_tends_partitions() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('countersign'), hashtext('partitions'));
END $$;

-- Sees that there is a day for what ends then. Attaching, unlike creating in place, waits for nobody who reads or writes.
CREATE FUNCTION make_day(p_end bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day bigint := p_end / 86400000;
    parent text;
    name text;
BEGIN
    PERFORM one_node_tends_partitions();
    FOREACH parent IN ARRAY ARRAY['grants', 'sessions'] LOOP
        name := format('%s_d%s', parent, day);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        -- Room on each page, so that an updated row stays on it and no index hears of it.
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (fillfactor = 70)', name, parent);
        EXECUTE format(
            'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            parent, name, day * 86400000, (day + 1) * 86400000
        );
    END LOOP;
END $$;

-- The days that there are.
CREATE FUNCTION days(p_parent text) RETURNS SETOF bigint LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT substring(c.relname FROM '_d([0-9]+)$')::bigint
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(p_parent);
END;

-- Makes the day after each that is in use: whoever signs in tomorrow as somebody did today needs that one.
CREATE FUNCTION make_days_ahead() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day bigint;
    in_use boolean;
BEGIN
    FOR day IN
        SELECT d FROM days('sessions') d WHERE d + 1 NOT IN (SELECT days('sessions')) ORDER BY d
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', 'sessions_d' || day) INTO in_use;
        IF in_use THEN
            PERFORM make_day((day + 1) * 86400000);
        END IF;
    END LOOP;
END $$;

-- Drops the days of one table that are over. How many. Each table in a transaction of its own, since this locks it; and
-- rather than let anybody queue behind that lock, it gives up and leaves the rest to the next time.
CREATE FUNCTION drop_days(p_parent text, p_now bigint) RETURNS bigint
LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
    day bigint;
    dropped bigint := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM days(p_parent) d WHERE (d + 1) * 86400000 <= p_now) THEN
        RETURN 0;
    END IF;
    PERFORM one_node_tends_partitions();
    FOR day IN SELECT d FROM days(p_parent) d WHERE (d + 1) * 86400000 <= p_now ORDER BY d LOOP
        EXECUTE format('DROP TABLE %I', format('%s_d%s', p_parent, day));
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END $$;

-- Drops at most so many sessions that have ended before their day, with their grants. How many. One node at a time is
-- enough, and nothing that is in use is waited for.
CREATE FUNCTION sweep_sessions(p_now bigint, p_limit bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    one record;
    swept bigint := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('countersign'), hashtext('sweep_sessions')) THEN
        RETURN 0;
    END IF;
    FOR one IN
        SELECT absolute_end, id FROM sessions WHERE idle_end <= p_now
        ORDER BY idle_end LIMIT p_limit FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM sessions WHERE absolute_end = one.absolute_end AND id = one.id;
        DELETE FROM grants WHERE absolute_end = one.absolute_end AND handle IN (
            SELECT handle FROM grants WHERE absolute_end = one.absolute_end AND session = one.id
            FOR UPDATE SKIP LOCKED
        );
        swept := swept + 1;
    END LOOP;
    RETURN swept;
END $$;
