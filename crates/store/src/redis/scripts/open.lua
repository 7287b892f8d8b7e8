-- KEYS: session, grant. ARGV: lifetime, how many arguments are the session's fields, these, the grant's fields.
local of_session = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], unpack(ARGV, 3, 2 + of_session))
redis.call('HSET', KEYS[2], unpack(ARGV, 3 + of_session))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
