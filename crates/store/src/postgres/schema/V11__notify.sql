-- Whoever listens is woken by the commit of what revokes. It is a word without content: what happened is in the log,
-- and who misses the word finds it there.

-- Only where the connection says that this engine has NOTIFY.
CREATE FUNCTION wake() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('countersign.notify', true) = 'on' THEN
        PERFORM pg_notify('countersign_revocations', '');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION append(p_what json, p_audience text, p_at bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head issuer;
BEGIN
    PERFORM lock_log();
    SELECT * INTO STRICT head FROM issuer WHERE one;
    INSERT INTO revocations (sequence, what, until, audience)
    VALUES (head.sequence + 1, p_what, (p_at + head.event_lifetime + 999) / 1000, p_audience);
    UPDATE issuer SET sequence = head.sequence + 1 WHERE one;
    PERFORM wake();
    RETURN head.sequence + 1;
END $$;

CREATE OR REPLACE FUNCTION begin_anew(p_incarnation bigint, p_sequence bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE issuer SET incarnation = random_incarnation()
    WHERE one AND incarnation = p_incarnation AND sequence < p_sequence;
    IF FOUND THEN
        PERFORM wake();
    END IF;
END $$;
