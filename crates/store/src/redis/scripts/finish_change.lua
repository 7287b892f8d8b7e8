-- KEYS: session, new grant, old grants. ARGV: the epoch before, the epoch after, now, lifetime, the name and the client of
-- the new grant in the session, its fields.
-- Answers: 1; 0 if the session is not there any more.
if redis.call('HGET', KEYS[1], 'user_epoch') ~= ARGV[1] then
    return 0
end
for i = 3, #KEYS do
    local cur = tonumber(redis.call('HGET', KEYS[i], 'cur') or nil)
    if cur and cur >= 4294967295 then
        -- There is no generation left to be above the old ones.
        redis.call('DEL', KEYS[i])
    elseif cur then
        local above = string.format('%.0f', cur + 1)
        redis.call('HSET', KEYS[i], 'cur', above, 'floor', above, 'rotated_at', ARGV[3], 'handed_at', ARGV[3],
            'retries', '0', 'recoveries', '0')
        redis.call('HDEL', KEYS[i], 'prev')
    end
end
redis.call('HSET', KEYS[1], 'user_epoch', ARGV[2], ARGV[5], ARGV[6])
redis.call('HDEL', KEYS[1], 'changing')
redis.call('HSET', KEYS[2], unpack(ARGV, 7))
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
