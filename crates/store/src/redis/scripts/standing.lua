-- What a verb about a grant begins with: whether it is there, and holds.
--
-- KEYS: grant, session. ARGV: now, idle end, absolute end; then where SQL stands: whether user and client are there and
-- enabled, the epochs of user, client and issuer. More may follow.
-- Answers: what it means, whether strangers raise an alarm, and the grant and the session as they are now.

local now, idle_end, absolute_end = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stands, user_epoch, client_epoch, issuer_epoch = ARGV[4] == '1', ARGV[5], ARGV[6], ARGV[7]
idle_end = math.min(idle_end, absolute_end)

local function hash(key)
    local fields, flat = {}, redis.call('HGETALL', key)
    for i = 1, #flat, 2 do
        fields[flat[i]] = flat[i + 1]
    end
    return fields
end

local function flat(fields)
    local list = {}
    for name, value in pairs(fields) do
        list[#list + 1] = name
        list[#list + 1] = value
    end
    return list
end

local function answer(word)
    return {word, 0, {}, {}}
end

-- A number in full: Lua itself would write a long one with an exponent.
local function digits(number)
    return string.format('%.0f', number)
end

-- 1. Is there such a grant? A grant without a session has ended.
local grant, session = hash(KEYS[1]), hash(KEYS[2])
if not grant.cur or not session.user or session.pending then
    return answer('unknown')
end

-- 2. Does it still hold?
local old_idle_end = tonumber(session.idle_end)
if now >= old_idle_end or now >= absolute_end then
    return answer('expired')
end
if not stands or grant.client_epoch ~= client_epoch or session.issuer_epoch ~= issuer_epoch then
    return answer('stale')
end
if session.user_epoch ~= user_epoch then
    if tonumber(session.user_epoch) > tonumber(user_epoch) then
        -- It changed its password after SQL was asked.
        return answer('behind')
    elseif session.changing and now < tonumber(session.changing) then
        return answer('changing')
    end
    return answer('stale')
end

-- The idle end is moved when that would move it by a sixteenth of the idle time; sooner, a use leaves the session alone.
local is_worth_moving = idle_end > old_idle_end and (idle_end - old_idle_end) * 16 >= math.max(idle_end - now, 0)
local function move_idle_end()
    session.idle_end = digits(idle_end)
    redis.call('HSET', KEYS[2], 'idle_end', session.idle_end)
end

