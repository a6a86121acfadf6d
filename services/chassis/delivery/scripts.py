"""The scripts that run inside Redis, each atomic. Only commands that Redis 7.0 and Valkey share."""

COMMIT = """
-- Acknowledge first: only the worker whose XACK counts writes state and outputs, so effects happen once.
-- The acknowledgement also comes first because a script that has written may go on writing at maxmemory.
-- KEYS[1]: input stream; the others: whatever the arguments point at by index.
-- ARGV[1]: group; then per entry: entry id, number of arguments that follow this one,
--   index of the set of seen ids (0: none), event id,
--   number of state writes, each: index, expected version, subject, body, index of due set, member, time ('': none)
--   number of appends, each: index, number of fields and values, fields and values
local results = {}
local i = 2
while i <= #ARGV do
  local entry, after = ARGV[i], i + 2 + tonumber(ARGV[i + 1])
  local seen, event, writes = tonumber(ARGV[i + 2]), ARGV[i + 3], tonumber(ARGV[i + 4])
  local at = i + 5
  local result = 'done'
  for n = 0, writes - 1 do
    local version = redis.call('HGET', KEYS[tonumber(ARGV[at + 7 * n])], 'version') or '0'
    if version ~= ARGV[at + 7 * n + 1] then result = 'stale' end
  end
  if result == 'done' and redis.call('XACK', KEYS[1], ARGV[1], entry) == 0 then result = 'lost' end
  if result == 'done' and seen > 0 and redis.call('SADD', KEYS[seen], event) == 0 then result = 'duplicate' end
  if result == 'done' then
    for n = 0, writes - 1 do
      local w = at + 7 * n
      redis.call('HSET', KEYS[tonumber(ARGV[w])],
        'version', tonumber(ARGV[w + 1]) + 1, 'subject', ARGV[w + 2], 'case', ARGV[w + 3])
      if tonumber(ARGV[w + 4]) > 0 then
        if ARGV[w + 6] == '' then redis.call('ZREM', KEYS[tonumber(ARGV[w + 4])], ARGV[w + 5])
        else redis.call('ZADD', KEYS[tonumber(ARGV[w + 4])], ARGV[w + 6], ARGV[w + 5]) end
      end
    end
    local a = at + 7 * writes
    local appends = tonumber(ARGV[a])
    a = a + 1
    for n = 1, appends do
      local fields = tonumber(ARGV[a + 1])
      redis.call('XADD', KEYS[tonumber(ARGV[a])], '*', unpack(ARGV, a + 2, a + 1 + fields))
      a = a + 2 + fields
    end
  end
  results[#results + 1] = result
  i = after
end
return results
"""

LOAD = """
-- What is remembered under KEYS: of each, version, subject and case. One command, because a pipeline of as many
-- costs the client eight times as much.
local rows = {}
for n, key in ipairs(KEYS) do rows[n] = redis.call('HMGET', key, 'version', 'subject', 'case') end
return rows
"""

ADMIT = """
-- Publishes from outside the flow, once per guard however often it is sent, and only while the lease is held.
-- KEYS[1]: hash of guards -> digest; KEYS[2]: lease. ARGV[1]: lease token ('': none is needed);
-- then per item: number of arguments that follow this one, number of guards, each: name, digest;
--   index of the case ('0': none), subject, body; number of appends, each: index, body
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return {} end
local results = {}
local i = 2
while i <= #ARGV do
  local after = i + 1 + tonumber(ARGV[i])
  local guards = tonumber(ARGV[i + 1])
  local at = i + 2
  local result = 'admitted'
  for n = 0, guards - 1 do
    local held = redis.call('HGET', KEYS[1], ARGV[at + 2 * n])
    if held and held ~= ARGV[at + 2 * n + 1] then result = 'conflict' end
  end
  if result ~= 'conflict' then
    for n = guards - 1, 0, -1 do
      local fresh = redis.call('HSETNX', KEYS[1], ARGV[at + 2 * n], ARGV[at + 2 * n + 1])
      if n == 0 and fresh == 0 then result = 'duplicate' end
    end
  end
  if result == 'admitted' then
    local c = at + 2 * guards
    if tonumber(ARGV[c]) > 0 then
      redis.call('HSET', KEYS[tonumber(ARGV[c])], 'version', 1, 'subject', ARGV[c + 1], 'case', ARGV[c + 2])
    end
    for n = 0, tonumber(ARGV[c + 3]) - 1 do
      redis.call('XADD', KEYS[tonumber(ARGV[c + 4 + 2 * n])], '*', 'event', ARGV[c + 5 + 2 * n])
    end
  end
  results[#results + 1] = result
  i = after
end
return results
"""

UNSETTLED = """
-- The groups that still owe something, each as 'stream group'; empty means that the house is quiet.
-- Nothing pending and the last delivered entry is the last one there is (never `lag`: it can be nil).
-- KEYS: streams. ARGV: per stream the number of its groups, then their names.
local owing = {}
local i = 1
for _, key in ipairs(KEYS) do
  local wanted = tonumber(ARGV[i])
  local last = '0-0'
  local known = {}
  if redis.call('EXISTS', key) == 1 then
    local stream = redis.call('XINFO', 'STREAM', key)
    for n = 1, #stream, 2 do if stream[n] == 'last-generated-id' then last = stream[n + 1] end end
    for _, flat in ipairs(redis.call('XINFO', 'GROUPS', key)) do
      local group = {}
      for n = 1, #flat, 2 do group[flat[n]] = flat[n + 1] end
      known[group['name']] = group
    end
  end
  for n = i + 1, i + wanted do
    local group = known[ARGV[n]]
    if not group or group['pending'] ~= 0 or group['last-delivered-id'] ~= last then
      owing[#owing + 1] = key .. ' ' .. ARGV[n]
    end
  end
  i = i + 1 + wanted
end
return owing
"""

READ_ON = """
-- How many entries each stream holds, and those that came after the last one that was read: both of one moment, so that
-- a stream with fewer entries than were read has lost some.
-- KEYS: streams. ARGV: how many entries at most; then of each stream the last entry that was read
local pages = {}
for n, key in ipairs(KEYS) do
  pages[n] = {redis.call('XLEN', key), redis.call('XRANGE', key, '(' .. ARGV[n + 1], '+', 'COUNT', ARGV[1])}
end
return pages
"""
