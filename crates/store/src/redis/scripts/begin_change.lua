-- KEYS: session. ARGV: user, the epoch that the check of the password saw, now, until when it is changing.
-- Answers: 1 if it stands there.
local session = redis.call('HMGET', KEYS[1], 'user', 'user_epoch', 'idle_end', 'pending')
if session[1] ~= ARGV[1] or session[2] ~= ARGV[2] or session[4] or tonumber(ARGV[3]) >= tonumber(session[3]) then
    return 0
end
redis.call('HSET', KEYS[1], 'changing', ARGV[4])
return 1
