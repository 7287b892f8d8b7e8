-- `touch`: a use by a name that stays, behind standing.lua. Most write nothing.

-- 3. Has a change of password taken its place?
if tonumber(grant.floor) > 0 then
    return answer('superseded')
end

-- 4. It lives on.
if is_worth_moving then
    grant.handed_at = digits(math.max(now, tonumber(grant.handed_at)))
    redis.call('HSET', KEYS[1], 'handed_at', grant.handed_at)
    move_idle_end()
end
return {'live', 0, flat(grant), flat(session)}
