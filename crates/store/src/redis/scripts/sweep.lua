-- KEYS: session, its grants. ARGV: now. Answers: 1 if it had rested too long, and is gone.
local idle_end = redis.call('HGET', KEYS[1], 'idle_end')
if not idle_end or tonumber(idle_end) > tonumber(ARGV[1]) then
    return 0
end
redis.call('DEL', unpack(KEYS))
return 1
