-- Counts one action in several sliding windows at once: in all of them, or, where one is full, in none.
-- KEYS: one hash a window. ARGV: the time in ms ('' for the server's own), then count and length in ms of each,
-- and last how often it happens now.
-- Each hash maps the end of a slot of time to how often it happened in it. A small window has slots of 1 ms and
-- is exact; a large one has 64 slots and keeps what happened a little too long, never too short.
-- Answers for each window: whether it had room, how often it happened, and in how many ms it has room for one more.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local times = tonumber(ARGV[2 * #KEYS + 2])
local found, full = {}, false
for i, key in ipairs(KEYS) do
  local limit, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local width = limit <= 64 and 1 or math.ceil(length / 64)
  local slots = redis.call('HGETALL', key)
  local used, oldest, over = 0, nil, {}
  for j = 1, #slots, 2 do
    local slot = tonumber(slots[j])
    if slot + length <= now then
      over[#over + 1] = slots[j]
    else
      used = used + tonumber(slots[j + 1])
      if not oldest or slot < oldest then oldest = slot end
    end
  end
  if #over > 0 then redis.call('HDEL', key, unpack(over)) end
  if used >= limit then full = true end
  found[i] = {used, oldest, limit, length, math.ceil((now + 1) / width) * width - 1}
end

local answer = {}
for i, key in ipairs(KEYS) do
  local used, oldest, limit, length, slot = unpack(found[i])
  local had_room = used < limit and 1 or 0
  if not full then
    redis.call('HINCRBY', key, string.format('%.0f', slot), times)
    redis.call('PEXPIRE', key, length + math.max(slot - now, 0) + 1)
    used = used + times
    oldest = oldest or slot
  end
  answer[i] = {had_room, used, oldest and (oldest + length - now) or 0}
end
return answer
