-- KEYS: session. ARGV: the epoch that its user had until now, the issuer's epoch.
-- Answers: 1 if it stood until now, 0 if not, -1 if it is not there.
local session = redis.call('HMGET', KEYS[1], 'user_epoch', 'issuer_epoch', 'pending')
if not session[1] then
    return -1
end
if session[3] then
    -- Whoever is opening it will miss it, and take that for the cut-off that it is.
    redis.call('DEL', KEYS[1])
    return 0
end
return (session[1] == ARGV[1] and session[2] == ARGV[2]) and 1 or 0
