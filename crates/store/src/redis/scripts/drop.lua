-- KEYS: a session that has ended, and its grants as far as they are known. Answers: the session as it was until now.
local was = redis.call('HGETALL', KEYS[1])
redis.call('DEL', unpack(KEYS))
return was
