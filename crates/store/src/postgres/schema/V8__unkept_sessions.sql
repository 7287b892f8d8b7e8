-- Sessions of which no row is kept: the style `stateless`.

-- Whether user, client and issuer stand where a session says, and neither user nor client is disabled. The user is locked
-- as in `open`: whoever raises the epoch comes wholly before or wholly after.
CREATE FUNCTION is_where_it_was(
    p_user bytea, p_user_epoch bigint, p_issuer_epoch bigint, p_client text, p_client_epoch bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM users WHERE id = p_user AND enabled AND epoch = p_user_epoch FOR SHARE;
    RETURN FOUND
        AND EXISTS (SELECT 1 FROM clients WHERE id = p_client AND enabled AND epoch = p_client_epoch)
        AND EXISTS (SELECT 1 FROM issuer WHERE one AND epoch = p_issuer_epoch);
END $$;

-- Whether a session may begin that carries these epochs; the trail says so.
CREATE FUNCTION admit(
    p_by origin, p_user bytea, p_user_epoch bigint, p_issuer_epoch bigint, p_id bytea,
    p_client text, p_client_epoch bigint
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_where_it_was(p_user, p_user_epoch, p_issuer_epoch, p_client, p_client_epoch) THEN
        RETURN false;
    END IF;
    PERFORM note(p_by, 'signed_in', p_user, p_id, p_client, NULL);
    RETURN true;
END $$;

-- A new password, if the user's epoch is still the one that the proof of the old one saw. The new epoch.
CREATE FUNCTION replace_password(p_by origin, p_id bytea, p_seen_epoch bigint, p_hash text)
RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM users WHERE id = p_id AND enabled AND epoch = p_seen_epoch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN set_password(p_by, p_id, p_hash);
END $$;
