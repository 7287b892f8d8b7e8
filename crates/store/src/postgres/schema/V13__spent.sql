-- Tokens of the style `sliding` that were exchanged for their successors.

CREATE TABLE spent (
    jti          text    PRIMARY KEY,
    since        bigint  NOT NULL,
    refused_from bigint  NOT NULL, -- seconds since 1970
    until        bigint  NOT NULL, -- seconds since 1970: it could be valid no longer
    audience     text    NOT NULL, -- as in revocations
    told         boolean NOT NULL  -- whether the log has it
);
CREATE INDEX spent_untold ON spent (since) WHERE NOT told;
CREATE INDEX spent_by_end ON spent (until);

-- Since when a token is spent; the first who exchanges it decides. NULL: its user, client or issuer have moved past it.
CREATE FUNCTION spend(
    p_by origin, p_user bytea, p_user_epoch bigint, p_issuer_epoch bigint, p_client text, p_client_epoch bigint,
    p_jti text, p_from bigint, p_until bigint, p_audience text
) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_where_it_was(p_user, p_user_epoch, p_issuer_epoch, p_client, p_client_epoch) THEN
        RETURN NULL;
    END IF;
    INSERT INTO spent VALUES (p_jti, p_by.at, p_from, p_until, p_audience, false) ON CONFLICT (jti) DO NOTHING;
    -- Whoever was quicker has committed by now.
    RETURN (SELECT since FROM spent WHERE jti = p_jti);
END $$;

-- Tells the log of spent ids. How many. Of several nodes that do it at once, the log's lock lets one go first.
CREATE FUNCTION tell_spent(p_limit bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    exchanged spent;
    head bigint;
    told_of bigint := 0;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM spent WHERE NOT told) THEN
        RETURN 0;
    END IF;
    PERFORM lock_log();
    SELECT sequence INTO STRICT head FROM issuer WHERE one;
    FOR exchanged IN SELECT * FROM spent WHERE NOT told ORDER BY since LIMIT p_limit LOOP
        head := head + 1;
        told_of := told_of + 1;
        INSERT INTO revocations (sequence, what, until, audience) VALUES (
            head, json_build_object('kind', 'token', 'jti', exchanged.jti, 'from', exchanged.refused_from), exchanged.until, exchanged.audience
        );
        UPDATE spent SET told = true WHERE jti = exchanged.jti;
    END LOOP;
    UPDATE issuer SET sequence = head WHERE one;
    RETURN told_of;
END $$;

-- Drops at most so many spent ids that could be valid no longer. How many.
CREATE FUNCTION sweep_spent(p_now bigint, p_limit bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    swept bigint;
BEGIN
    DELETE FROM spent WHERE jti IN (
        SELECT jti FROM spent WHERE until < p_now ORDER BY until LIMIT p_limit FOR UPDATE SKIP LOCKED
    );
    GET DIAGNOSTICS swept = ROW_COUNT;
    RETURN swept;
END $$;
