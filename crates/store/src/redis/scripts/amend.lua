-- Takes back what was counted; behind waits.lua.
--
-- KEYS: what it was counted under. For each: 'give_back', how much of a budget (microseconds), 0, 0, 0; 'undo', when the failure
-- was let through, how many are free, the first wait, the longest; or 'forget', 0, 0, 0, 0.

for i, key in ipairs(KEYS) do
    local how, a, b, c, d = arguments(i)
    if how == 'forget' then
        redis.call('DEL', key)
    elseif how == 'give_back' then
        local whole = (tonumber(redis.call('GET', key) or nil) or 0) - a
        if whole <= now * 1000 then
            redis.call('DEL', key)
        else
            keep_budget(key, whole)
        end
    else
        local failures = redis.call('HMGET', key, 'count', 'wait_until', 'forget_at')
        local count, wait_until = tonumber(failures[1] or nil), tonumber(failures[2] or nil)
        if count and count <= 1 then
            redis.call('DEL', key)
        elseif count then
            local forget = tonumber(failures[3]) - wait_until
            -- It was let through, so that nothing was to be waited for then. What a later one has to wait for stays.
            if wait_until == a + wait_after(count, b, c, d) then
                wait_until = a
            end
            keep_failures(key, count - 1, wait_until, forget)
        end
    end
end
return 1
