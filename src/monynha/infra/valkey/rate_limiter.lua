-- Counts one action in several sliding windows at once: in all of them, or in none if one is full.
-- KEYS: one hash per window. ARGV: the time in ms ('' for the server's own), then the limit and the length in ms
-- of each window, then how often the action is counted (0 counts nothing), and last how often it was admitted
-- elsewhere, which is added to the first window even if that is full (it may be left out).
-- Each hash maps the end of a time slot to the count in it. A small window has slots of 1 ms and is exact; a large
-- one has 64 slots and keeps a count slightly too long, never too short.
-- Returns for each window: whether it had room, its count, and in how many ms it has room for one more.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local times = tonumber(ARGV[2 * #KEYS + 2])
local admitted = tonumber(ARGV[2 * #KEYS + 3] or 0)
local windows, is_full = {}, false
for i, key in ipairs(KEYS) do
  local limit, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local slot_ms = limit <= 64 and 1 or math.ceil(length / 64)
  local slots = redis.call('HGETALL', key)
  local used, oldest, expired = 0, nil, {}
  for j = 1, #slots, 2 do
    local slot = tonumber(slots[j])
    if slot + length <= now then
      expired[#expired + 1] = slots[j]
    else
      used = used + tonumber(slots[j + 1])
      if not oldest or slot < oldest then oldest = slot end
    end
  end
  if #expired > 0 then redis.call('HDEL', key, unpack(expired)) end
  local slot = math.ceil((now + 1) / slot_ms) * slot_ms - 1
  if i == 1 and admitted > 0 then
    redis.call('HINCRBY', key, string.format('%.0f', slot), admitted)
    redis.call('PEXPIRE', key, length + math.max(slot - now, 0) + 1)
    used = used + admitted
    oldest = oldest or slot
  end
  if used >= limit then is_full = true end
  windows[i] = {used, oldest, limit, length, slot}
end

local counts = {}
for i, key in ipairs(KEYS) do
  local used, oldest, limit, length, slot = unpack(windows[i])
  local had_room = used < limit and 1 or 0
  if not is_full and times > 0 then
    redis.call('HINCRBY', key, string.format('%.0f', slot), times)
    redis.call('PEXPIRE', key, length + math.max(slot - now, 0) + 1)
    used = used + times
    oldest = oldest or slot
  end
  counts[i] = {had_room, used, oldest and (oldest + length - now) or 0}
end
return counts
