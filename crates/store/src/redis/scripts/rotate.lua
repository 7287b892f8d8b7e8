-- `rotate`: the renewal table, in one step, behind standing.lua. The table itself is `Generations::present` of
-- countersign-auth; a test holds the two together.
--
-- ARGV, besides: generation, interval, network.

local generation, interval, network = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])

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
    if is_worth_moving then
        move_idle_end()
    end
end

return {outcome, alarm, flat(grant), flat(session)}
