-- `rotate`: the renewal table, in one step. The table itself is `Generations::present` of countersign-auth; a test
-- holds the two together.
--
-- KEYS: grant, session. ARGV: now, generation, idle end, absolute end, interval, network; then where SQL stands: whether
-- user and client are there and enabled, the epochs of user, client and issuer.
-- Answers: what it means, whether strangers raise an alarm, and the grant and the session as they are now.

local now, generation = tonumber(ARGV[1]), tonumber(ARGV[2])
local idle_end, absolute_end = tonumber(ARGV[3]), tonumber(ARGV[4])
local interval, network = tonumber(ARGV[5]), tonumber(ARGV[6])
local stands, user_epoch, client_epoch, issuer_epoch = ARGV[7] == '1', ARGV[8], ARGV[9], ARGV[10]

local function hash(key)
    local fields, flat = {}, redis.call('HGETALL', key)
    for i = 1, #flat, 2 do
        fields[flat[i]] = flat[i + 1]
    end
    return fields
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

-- 3. What does this generation mean?
local cur, prev, floor = tonumber(grant.cur), tonumber(grant.prev), tonumber(grant.floor)
local rotated_at, handed_at = tonumber(grant.rotated_at), tonumber(grant.handed_at)
local retries, recoveries = tonumber(grant.retries), tonumber(grant.recoveries)
local strangers, stranger_now = tonumber(grant.strangers), grant.stranger_now == '1'
local LAST = 4294967295
local soon = math.max(now - handed_at, 0) < interval
local outcome, alarm = nil, 0
local moved = {}

local function move(field, value)
    grant[field] = value
    moved[#moved + 1] = field
    moved[#moved + 1] = value
end

if generation > cur then
    outcome = 'ahead'
elseif generation < floor then
    outcome = 'superseded'
elseif generation == cur then
    if soon then
        outcome = 'held'
    elseif cur >= LAST then
        outcome = 'lost'
    else
        outcome = 'rotated'
        move('cur', digits(cur + 1))
        move('prev', digits(cur))
        move('rotated_at', digits(now))
        move('handed_at', digits(now))
        move('retries', '0')
        move('recoveries', '0')
        move('network', digits(network))
        move('strangers', stranger_now and digits(strangers) or '0')
        move('stranger_now', '0')
    end
elseif generation == prev then
    if soon then
        if retries >= 100 or now > rotated_at + 6 * interval then
            outcome = 'too_many_retries'
        else
            local new_stranger = network ~= tonumber(grant.network) and not stranger_now
            outcome = 'retried'
            if new_stranger then
                strangers = math.min(strangers + 1, 255)
                if strangers >= 3 then
                    alarm = 1
                end
                move('strangers', digits(strangers))
                move('stranger_now', '1')
            end
            move('handed_at', digits(math.max(now, handed_at)))
            move('retries', digits(retries + 1))
        end
    elseif recoveries >= 5 or cur >= LAST then
        outcome = 'lost'
    else
        outcome = 'recovered'
        move('cur', digits(cur + 1))
        move('rotated_at', digits(now))
        move('handed_at', digits(now))
        move('retries', '0')
        move('recoveries', digits(recoveries + 1))
    end
else
    outcome = 'reused'
end

-- 4. Do that. What ends the session is left to the caller: SQL comes first.
if #moved > 0 then
    redis.call('HSET', KEYS[1], unpack(moved))
    -- The idle end is moved when that would move it by a sixteenth of the idle time; sooner, a renewal leaves the
    -- session alone.
    idle_end = math.min(idle_end, absolute_end)
    if idle_end > old_idle_end and (idle_end - old_idle_end) * 16 >= math.max(idle_end - now, 0) then
        session.idle_end = digits(idle_end)
        redis.call('HSET', KEYS[2], 'idle_end', session.idle_end)
    end
end

local function flat(fields)
    local list = {}
    for name, value in pairs(fields) do
        list[#list + 1] = name
        list[#list + 1] = value
    end
    return list
end
return {outcome, alarm, flat(grant), flat(session)}
