-- KEYS: the memory. Answers: when it began (by this server's clock), and how often it was looked at since.
if redis.call('EXISTS', KEYS[1]) == 0 then
    local time = redis.call('TIME')
    redis.call('HSET', KEYS[1], 'began', time[1] .. '.' .. time[2])
end
return {redis.call('HGET', KEYS[1], 'began'), redis.call('HINCRBY', KEYS[1], 'looks', 1)}
