-- What scripts about limits begin with.
--
-- ARGV: now (milliseconds); then for each key five arguments, of which the first says what they mean.

local now = tonumber(ARGV[1])
-- Clocks may be apart: so much longer than it matters, a key stays.
local LINGER = 10000

-- A number in full: Lua itself would write a long one with an exponent.
local function digits(number)
    return string.format('%.0f', number)
end

local function arguments(i)
    local at = 5 * i - 3
    return ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
end

-- How long to wait after so many failures: growing, from the first that is not free.
local function wait_after(count, free, first, longest)
    local doublings = count - math.max(free, 1)
    if doublings < 0 then
        return 0
    end
    return math.min(first * 2 ^ doublings, longest)
end

-- A budget is the moment at which it is whole, in microseconds.
local function keep_budget(key, whole)
    redis.call('SET', key, digits(whole), 'PX', digits(math.ceil(whole / 1000) - now + LINGER))
end

local function keep_failures(key, count, wait_until, forget)
    redis.call('HSET', key, 'count', digits(count), 'wait_until', digits(wait_until),
        'forget_at', digits(wait_until + forget))
    redis.call('PEXPIRE', key, digits(wait_until + forget - now + LINGER))
end

