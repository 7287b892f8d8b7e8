-- lives with: 15
--
-- Who signs out of an application that was cut off signs out.

-- Ends the session of a grant, if the session stands where it stood at sign-in, however the grant's client stands. Which one.
CREATE OR REPLACE FUNCTION end_of_grant(p_by origin, p_end bigint, p_handle bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    ending answers;
BEGIN
    PERFORM 1 FROM sessions WHERE absolute_end = p_end AND id = (
        SELECT session FROM grants WHERE absolute_end = p_end AND handle = p_handle
    ) FOR UPDATE;
    SELECT * INTO ending FROM answers WHERE absolute_end = p_end AND handle = p_handle;
    IF (ending.user_epoch = ending.epoch
        AND ending.issuer_epoch = (SELECT epoch FROM issuer WHERE one)) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    PERFORM end_session(p_by, p_end, ending.session, 'session_ended', ending.user_id, ending.client, NULL);
    RETURN ending.session;
END $$;
