-- Beginning again after the database was put back to an earlier state.

-- Nothing of before is good any more: a new incarnation, all epochs above whatever the lost state can have counted to,
-- no key that was taken out meanwhile. How far it had counted is not known; no epoch rises once a millisecond, so the
-- number of milliseconds since 1970 is above any that was given out. The issuer's new epoch.
CREATE FUNCTION begin_again(p_by origin) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    gone record;
    below bigint;
BEGIN
    UPDATE users SET epoch = greatest(epoch + 1, p_by.at);
    UPDATE clients SET epoch = greatest(epoch + 1, p_by.at);
    FOR gone IN SELECT id FROM keys WHERE state <> 'removed' ORDER BY id LOOP
        PERFORM remove_key(p_by, gone.id);
    END LOOP;
    UPDATE issuer SET incarnation = random_incarnation(), epoch = greatest(epoch + 1, p_by.at)
    WHERE one RETURNING epoch INTO below;
    PERFORM append(json_build_object('kind', 'all', 'below', below), NULL, p_by.at);
    PERFORM note(p_by, 'store_restored', NULL, NULL, NULL, NULL);
    RETURN below;
END $$;
