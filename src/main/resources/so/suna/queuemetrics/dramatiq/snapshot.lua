-- Dramatiq queues at one instant. It only reads, so EVAL_RO runs it, and loops over nothing that grows with a queue.
-- KEYS   1 sorted set of brokers by last heartbeat; then for each queue 4:
--          list of ids (left when fetched), hash of payloads (left when acknowledged),
--          hash of delayed payloads, sorted set of dead ids by time of death
-- ARGV   1 time in ms since the epoch: heartbeats and deaths from then on count as recent
-- reply  1 recent brokers; then for each queue {waiting, held: waiting and in flight, delayed, dead, recently dead,
--          sent: when the first id's message was sent, and the last id's}
--        sent is nil where nothing waits; digits, in ms; or the whole payload where its end does not tell.
--        What could not be read is the error instead: one key of a wrong type must not cost the others.
-- It is sent without comments, so no string in it may hold two dashes.

-- Numbers among its arguments are strings: Redis is slow to write a number of Lua's.
local pcall = redis.pcall

-- Bytes of whole payloads in one reply, so that odd payloads of many queues cannot fill the reader's memory.
local allowance = 8 * 1024 * 1024

local function sent(payloads, id)
  if type(id) ~= 'string' then
    return id
  end
  local payload = pcall('HGET', payloads, id)
  if type(payload) == 'table' then
    return payload
  end
  if not payload then
    return redis.error_reply('ERR no payload for message ' .. id)
  end
  if not payload:find('^[ \t\n\r]*{') then
    return redis.error_reply('ERR payload of message ' .. id .. ' is not a JSON object')
  end
  -- Dramatiq's encoder ends every message so, and no JSON string can: its closing quote would come after the brace.
  -- What is damaged between the two ends is not noticed: it still is this message's own time.
  -- 36 characters have room for 14 digits; more are found in the whole payload.
  local millis = payload:match('[{,]"message_timestamp":(%d+)}$', -36)
  if millis then
    return millis
  end
  if #payload > allowance then
    return redis.error_reply('ERR payload of message ' .. id .. ' is too long to search for message_timestamp')
  end
  allowance = allowance - #payload
  return payload
end

local reply = {pcall('ZCOUNT', KEYS[1], ARGV[1], '+inf')}
for i = 2, #KEYS, 4 do
  local ids, payloads, delayed, dead = KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3]
  -- A queue at rest is not asked twice. An error is no 0, so that what can be read is still asked for.
  local waiting, deaths = pcall('LLEN', ids), pcall('ZCARD', dead)
  local first_id = waiting ~= 0 and pcall('LINDEX', ids, '0')
  local last_id = waiting == 1 and first_id or waiting ~= 0 and pcall('LINDEX', ids, '-1')
  local first = sent(payloads, first_id)
  reply[#reply + 1] = {
    waiting,
    pcall('HLEN', payloads),
    pcall('HLEN', delayed),
    deaths,
    deaths == 0 and 0 or pcall('ZCOUNT', dead, ARGV[1], '+inf'),
    first,
    first_id == last_id and first or sent(payloads, last_id),
  }
end
return reply
