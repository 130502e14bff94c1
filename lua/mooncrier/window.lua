---Counting over time by key: how often in the last ten minutes, not more than so often, not again
---for a while. Times come from the clock of the run (`time.now()`), or are given in a call, such as
---event.time. Memory is bounded: past `max_keys` the key used longest ago is forgotten.
---@class mooncrier.window
local window = {}

local clock = require("mooncrier.clock")
local lru = require("mooncrier.lru")
local params = require("mooncrier.params")

local floor, max, min, type, error = math.floor, math.max, math.min, type, error

local MAX_KEYS = 10000
local STEPS = 60

local function check_key(key)
  if type(key) ~= "string" then
    error("a window's key is a string, not a " .. type(key), 3)
  end
end

-- A node is a ring of counts, one for each step of the span that has one: [step % steps + 1]. `head`
-- is the newest step it has seen, `sum` the sum of the ring.
---@class mooncrier.Window
---@field private keys table
local Window = {}
Window.__index = Window
Window.__metatable = "read-only"

---@class mooncrier.window.Options
---@field span string|number how long an occurrence counts: "10m"
---@field max_keys? integer keys remembered at a time (10000)
---@field steps? integer of the span (60); an occurrence leaves up to one step early
---@field tumbling? boolean instead of sliding, the window starts anew at every multiple of span

---A window.
---
---```lua
---local crashes = window.new({ span = "10m" })
---crashes:add("prod/web-1", event.delta, event.time) --> 3
---crashes:add("prod/web-1", 1, event.time + 60) --> 4
---crashes:count("prod/web-1", event.time + 3600) --> 0
---```
---@param options mooncrier.window.Options
---@return mooncrier.Window
function window.new(options)
  local o = params.read(options, {
    span = { "duration" },
    max_keys = { "count", MAX_KEYS },
    steps = { "count", STEPS },
    tumbling = { "boolean", false },
  }, 2)
  if o.span <= 0 then
    error("window.new: span must be more than 0", 2)
  end
  local steps = o.tumbling and 1 or o.steps
  return setmetatable({ keys = lru.new(o.max_keys), steps = steps, step = o.span / steps }, Window)
end

-- Moves the head to `step`, forgetting what leaves the window.
local function advance(node, step, steps)
  local head = node.head
  if step <= head then
    return
  end
  for s = max(head + 1, step - steps + 1), step do
    local slot = s % steps + 1
    local n = node[slot]
    if n then
      node.sum = node.sum - n
      node[slot] = nil
    end
  end
  node.head = step
end

---Counts `n` more occurrences of `key` (default 1) at `now` (default the clock), and gives how many
---are in the window. A time before the newest of its key counts as that newest.
---@param key string
---@param n? number
---@param now? number Unix seconds
---@return number count
function Window:add(key, n, now)
  check_key(key)
  n = n or 1
  local steps = self.steps
  local step = floor((now or clock.now()) / self.step)
  local node = self.keys:touch(key)
  if not node then
    node = self.keys:add(key, { head = step, sum = 0 })
  end
  advance(node, step, steps)
  local slot = node.head % steps + 1
  node[slot] = (node[slot] or 0) + n
  node.sum = node.sum + n
  return node.sum
end

---How many occurrences of `key` are in the window.
---@param key string
---@param now? number
---@return number count
function Window:count(key, now)
  check_key(key)
  local node = self.keys:peek(key)
  if not node then
    return 0
  end
  advance(node, floor((now or clock.now()) / self.step), self.steps)
  return node.sum
end

---Forgets `key`.
---@param key string
function Window:reset(key)
  check_key(key)
  self.keys:remove(key)
end

---Iterates over the keys in the window, newest first: `for key, count in w:each() do`. The key at
---hand may be reset meanwhile.
---@param now? number
---@return fun(): string?, number?
function Window:each(now)
  local next_node = self.keys:nodes()
  local step = floor((now or clock.now()) / self.step)
  return function()
    for node in next_node do
      advance(node, step, self.steps)
      if node.sum > 0 then
        return node.key, node.sum
      end
    end
  end
end

---How many keys were forgotten for lack of room. More than a few: raise max_keys.
---@return integer
function Window:evicted()
  return self.keys.evicted
end

---What it knows, as plain data for a script's save(): the newest keys that fit into `bytes`.
---@param bytes? integer default 450 KiB, so that two of them may be saved
---@return table
function Window:save(bytes)
  return { steps = self.steps, step = self.step, keys = self.keys:save(bytes) }
end

---Goes on with what Window:save gave; one of another span begins empty.
---@param saved? table
function Window:restore(saved)
  if saved and saved.steps == self.steps and saved.step == self.step then
    self.keys:restore(saved.keys)
  end
end

---@class mooncrier.Rate
---@field private keys table
local Rate = {}
Rate.__index = Rate
Rate.__metatable = "read-only"

---@class mooncrier.window.RateOptions
---@field per string|number one more is allowed each so often: "1s"
---@field burst? integer so many at once (1)
---@field max_keys? integer keys remembered at a time (10000)

---A token bucket for each key.
---
---```lua
---local limit = window.rate({ per = "1m", burst = 2 })
---limit:allow("prod", event.time) --> true
---limit:allow("prod", event.time) --> true
---limit:allow("prod", event.time) --> false
---limit:allow("prod", event.time + 60) --> true
---```
---@param options mooncrier.window.RateOptions
---@return mooncrier.Rate
function window.rate(options)
  local o = params.read(options, {
    per = { "duration" },
    burst = { "count", 1 },
    max_keys = { "count", MAX_KEYS },
  }, 2)
  if o.per <= 0 then
    error("window.rate: per must be more than 0", 2)
  end
  return setmetatable({ keys = lru.new(o.max_keys), per = o.per, burst = o.burst }, Rate)
end

---Whether one more of `key` is allowed now; if so it is counted.
---@param key string
---@param now? number Unix seconds
---@return boolean
function Rate:allow(key, now)
  check_key(key)
  now = now or clock.now()
  local node = self.keys:touch(key)
  if not node then
    self.keys:add(key, { tokens = self.burst - 1, at = now })
    return true
  end
  local passed = max(now - node.at, 0)
  node.at = max(node.at, now)
  node.tokens = min(self.burst, node.tokens + passed / self.per)
  -- Tokens are sums of fractions: five times a fifth must be one.
  if node.tokens < 1 - 1e-9 then
    return false
  end
  node.tokens = node.tokens - 1
  return true
end

---How many keys were forgotten for lack of room.
---@return integer
function Rate:evicted()
  return self.keys.evicted
end

---What it knows, as plain data for a script's save().
---@return table
function Rate:save()
  return { keys = self.keys:save() }
end

---Goes on with what Rate:save gave.
---@param saved? table
function Rate:restore(saved)
  if saved then
    self.keys:restore(saved.keys)
  end
end

---@class mooncrier.Once
---@field private keys table
local Once = {}
Once.__index = Once
Once.__metatable = "read-only"

---@class mooncrier.window.OnceOptions
---@field every string|number how long a key stays quiet after its first: "10m"
---@field max_keys? integer keys remembered at a time (10000)

---At most one of each key per period.
---
---```lua
---local fresh = window.once({ every = "10m" })
---fresh:first("prod/web-1", event.time) --> true, 0
---fresh:first("prod/web-1", event.time + 60) --> false, 1
---fresh:first("prod/web-1", event.time + 600) --> true, 1
---```
---@param options mooncrier.window.OnceOptions
---@return mooncrier.Once
function window.once(options)
  local o = params.read(options, { every = { "duration" }, max_keys = { "count", MAX_KEYS } }, 2)
  return setmetatable({ keys = lru.new(o.max_keys), every = o.every }, Once)
end

---True for the first of `key`, then false until `every` has passed since that first. The second
---result is how many were not first in the period that ended (with true) or so far (with false).
---@param key string
---@param now? number Unix seconds
---@return boolean first
---@return integer skipped
function Once:first(key, now)
  check_key(key)
  now = now or clock.now()
  local node = self.keys:touch(key)
  if not node then
    self.keys:add(key, { at = now, skipped = 0 })
    return true, 0
  end
  local skipped = node.skipped
  if now - node.at >= self.every then
    node.at, node.skipped = now, 0
    return true, skipped
  end
  node.skipped = skipped + 1
  return false, skipped + 1
end

---Forgets `key`: its next is a first.
---@param key string
function Once:reset(key)
  check_key(key)
  self.keys:remove(key)
end

---How many keys were forgotten for lack of room.
---@return integer
function Once:evicted()
  return self.keys.evicted
end

---What it knows, as plain data for a script's save(): the newest keys that fit into `bytes`.
---@param bytes? integer default 450 KiB, so that two of them may be saved
---@return table
function Once:save(bytes)
  return { keys = self.keys:save(bytes) }
end

---Goes on with what Once:save gave.
---@param saved? table
function Once:restore(saved)
  if saved then
    self.keys:restore(saved.keys)
  end
end

return window
