-- Counts an attempt under all of its keys, or under none; behind waits.lua.
--
-- KEYS: what it is counted under. For each: 'budget', what it costs, what there is (microseconds), 0, 0; or 'backoff', how
-- many failures are free, the first wait, the longest, for how long failures are remembered after it (milliseconds).
-- Answers: how many milliseconds to wait; 0 if it was counted.

local wait, counted = 0, {}
for i, key in ipairs(KEYS) do
    local rule, a, b, c, d = arguments(i)
    if rule == 'budget' then
        local whole = math.max(tonumber(redis.call('GET', key) or nil) or 0, now * 1000) + a
        wait = math.max(wait, math.ceil((whole - now * 1000 - b) / 1000))
        counted[i] = function() keep_budget(key, whole) end
    else
        local failures = redis.call('HMGET', key, 'count', 'wait_until', 'forget_at')
        local count = 1
        if failures[1] and now < tonumber(failures[3]) then
            count = tonumber(failures[1]) + 1
            wait = math.max(wait, tonumber(failures[2]) - now)
        end
        counted[i] = function() keep_failures(key, count, now + wait_after(count, a, b, c), d) end
    end
end
if wait > 0 then
    return wait
end
for _, count in ipairs(counted) do
    count()
end
return 0
