-- Dramatiq queues at one instant. It only reads, so EVAL_RO runs it, and loops over queues and brokers, never over messages.
-- KEYS   1 NAMESPACE:__heartbeats__. The other keys are built here, as Dramatiq's own dispatch.lua does: so this works in
--          every cluster in which Dramatiq works.
-- ARGV   1 namespace   2 time in ms since the epoch: heartbeats and deaths from then on are recent
--        3 age, or another word if nobody wants to know when the first and last message were sent
--        4 and more: names of queues
-- reads  __heartbeats__           sorted set of brokers by last heartbeat; a broker is a connection of a worker or a sender
--        QUEUE, QUEUE.DQ          list of ids (left when fetched)
--        QUEUE.msgs, .DQ.msgs     hash of payloads (left when acknowledged)
--        __acks__.BROKER.QUEUE    set of the ids that a broker has fetched and not acknowledged; the same of QUEUE.DQ
--        QUEUE.XQ                 sorted set of dead ids by time of death
-- reply  1 recent brokers; then for each queue {waiting, payloads, fetched, the same three of .DQ, dead, recently dead,
--        when the first and the last waiting message was sent: digits, in ms since the epoch, or nil without a message
--        or its payload}
--        A value that could not be read is the error instead: one key of a wrong type must not cost the others.
-- It is sent without comments, so no string in it may hold two dashes.

-- Numbers among its arguments are strings: Redis is slow to write a number of Lua's.
local redis_pcall = redis.pcall
local namespace = ARGV[1] .. ':'

-- Decoding takes about 0.1 ms for this many bytes, in which Redis serves nobody else.
local MAX_DECODED = 16384

-- A producer chooses the id, and a log shows this.
local function shown(id)
  return #id <= 64 and id:find('^[A-Za-z0-9-]+$') and id or 'with an id of ' .. #id .. ' bytes'
end

local function sent(payloads, id)
  if type(id) ~= 'string' then
    return id
  end
  local payload = redis_pcall('HGET', payloads, id)
  if type(payload) ~= 'string' then
    return payload
  end
  local function unknown(reason)
    return redis.error_reply('ERR message ' .. shown(id) .. reason)
  end
  if not payload:find('^[ \t\n\r]*{') then
    return unknown(' is not a JSON object')
  end
  -- Dramatiq's encoder ends every message so, and no JSON string can: its closing quote would come after the brace.
  -- 40 characters have room for 18 digits.
  local millis = payload:match('[{,]"message_timestamp":(%d+)}$', -40)
  if millis then
    return millis
  end
  if #payload > MAX_DECODED then
    return unknown(' does not end with its message_timestamp and is longer than ' .. MAX_DECODED .. ' bytes')
  end
  local decoded, message = pcall(cjson.decode, payload)
  if not decoded then
    return unknown(' is not valid JSON')
  end
  local timestamp = message.message_timestamp
  if type(timestamp) ~= 'number' or timestamp % 1 ~= 0 then
    return unknown(' must have a message_timestamp in whole milliseconds since 1970')
  end
  return string.format('%.0f', timestamp)
end

local brokers = redis_pcall('ZRANGE', KEYS[1], '0', '-1')
-- SCARD for every broker costs the most. With very many brokers and queues, only queues are asked whose list and payloads
-- differ in number: a purge empties both, and what workers still run of it is missed then.
local always = 2 * #brokers * (#ARGV - 3) <= 2000

local function fetched(queue)
  if brokers.err then
    return brokers
  end
  local total = 0
  for _, broker in ipairs(brokers) do
    local ids = redis_pcall('SCARD', namespace .. '__acks__.' .. broker .. '.' .. queue)
    if type(ids) ~= 'number' then
      return ids
    end
    total = total + ids
  end
  return total
end

local function books(queue)
  local waiting, payloads = redis_pcall('LLEN', namespace .. queue), redis_pcall('HLEN', namespace .. queue .. '.msgs')
  return waiting, payloads, (always or waiting ~= payloads) and fetched(queue) or 0
end

local reply = {redis_pcall('ZCOUNT', KEYS[1], ARGV[2], '+inf')}
for i = 4, #ARGV do
  local queue = ARGV[i]
  local ids, payload_hash, dead_ids = namespace .. queue, namespace .. queue .. '.msgs', namespace .. queue .. '.XQ'
  local waiting, payloads, acked = books(queue)
  local delayed, delayed_payloads, delayed_acked = books(queue .. '.DQ')
  local dead = redis_pcall('ZCARD', dead_ids)
  -- An error is no 0, so that what can be read is still asked for.
  local first_id = ARGV[3] == 'age' and waiting ~= 0 and redis_pcall('LINDEX', ids, '0')
  local last_id = first_id and (waiting == 1 and first_id or redis_pcall('LINDEX', ids, '-1'))
  local first = sent(payload_hash, first_id)
  reply[#reply + 1] = {
    waiting, payloads, acked,
    delayed, delayed_payloads, delayed_acked,
    dead, dead == 0 and 0 or redis_pcall('ZCOUNT', dead_ids, ARGV[2], '+inf'),
    first, first_id == last_id and first or sent(payload_hash, last_id),
  }
end
return reply
