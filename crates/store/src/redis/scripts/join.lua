-- `join`: another client in a session that stands, behind standing.lua, whose grant is the one that vouches.
--
-- KEYS, besides: the new grant; then what its client was given before, as far as that is known.
-- ARGV, besides: whether the client stands where the new grant says, until when it may have been given what gives way, how
-- many grants there may be, lifetime, the name and the client of the new grant in the session, its fields.

local replaces_until, most = tonumber(ARGV[9]), tonumber(ARGV[10])

-- 3. May it vouch?
if ARGV[8] ~= '1' then
    return answer('stale')
end
if tonumber(grant.floor) > 0 then
    return answer('superseded')
end
if session.changing and now < tonumber(session.changing) then
    -- Whoever changes the password knows the grants that it supersedes already.
    return answer('changing')
end

-- 4. Is there room, when what it takes the place of has gone?
local given = 0
for name in pairs(session) do
    if name:find('^grant:') then
        given = given + 1
    end
end
local replaced = {}
for i = 4, #KEYS do
    local name = KEYS[i]:match('grant:%x+$')
    local before = redis.call('HMGET', KEYS[i], 'cur', 'rotated_at')
    local is_fresh = before[1] == '0' and tonumber(before[2]) > replaces_until
    if session[name] and not is_fresh then
        replaced[KEYS[i]] = name
        given = given - 1
    end
end
if given >= most then
    return answer('full')
end

-- 5. It is given.
for key, name in pairs(replaced) do
    redis.call('DEL', key)
    redis.call('HDEL', KEYS[2], name)
end
redis.call('HSET', KEYS[2], ARGV[12], ARGV[13])
redis.call('HSET', KEYS[3], unpack(ARGV, 14))
redis.call('PEXPIRE', KEYS[3], ARGV[11])
return {'joined', 0, {}, flat(session)}
