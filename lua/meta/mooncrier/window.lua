---@meta mooncrier.window
-- Written by lua/reference/write.lua from lua/mooncrier/window.lua: change that.

---Counting over time by key: how often in the last ten minutes, not more than so often, not again
---for a while. Times come from the clock of the run (`time.now()`), or are given in a call, such as
---event.time. Memory is bounded: past `max_keys` the key used longest ago is forgotten.
---@class mooncrier.window
local window = {}

---@class mooncrier.Window
local Window = {}

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
function window.new(options) end

---Counts `n` more occurrences of `key` (default 1) at `now` (default the clock), and gives how many
---are in the window. A time before the newest of its key counts as that newest.
---@param key string
---@param n? number
---@param now? number Unix seconds
---@return number count
function Window:add(key, n, now) end

---How many occurrences of `key` are in the window.
---@param key string
---@param now? number
---@return number count
function Window:count(key, now) end

---Forgets `key`.
---@param key string
function Window:reset(key) end

---Iterates over the keys in the window, newest first: `for key, count in w:each() do`. The key at
---hand may be reset meanwhile.
---@param now? number
---@return fun(): string?, number?
function Window:each(now) end

---How many keys were forgotten for lack of room. More than a few: raise max_keys.
---@return integer
function Window:evicted() end

---What it knows, as plain data for a script's save(): the newest keys that fit into `bytes`.
---@param bytes? integer default 450 KiB, so that two of them may be saved
---@return table
function Window:save(bytes) end

---Goes on with what Window:save gave; one of another span begins empty.
---@param saved? table
function Window:restore(saved) end

---@class mooncrier.Rate
local Rate = {}

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
function window.rate(options) end

---Whether one more of `key` is allowed now; if so it is counted.
---@param key string
---@param now? number Unix seconds
---@return boolean
function Rate:allow(key, now) end

---How many keys were forgotten for lack of room.
---@return integer
function Rate:evicted() end

---What it knows, as plain data for a script's save().
---@return table
function Rate:save() end

---Goes on with what Rate:save gave.
---@param saved? table
function Rate:restore(saved) end

---@class mooncrier.Once
local Once = {}

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
function window.once(options) end

---True for the first of `key`, then false until `every` has passed since that first. The second
---result is how many were not first in the period that ended (with true) or so far (with false).
---@param key string
---@param now? number Unix seconds
---@return boolean first
---@return integer skipped
function Once:first(key, now) end

---Forgets `key`: its next is a first.
---@param key string
function Once:reset(key) end

---How many keys were forgotten for lack of room.
---@return integer
function Once:evicted() end

---What it knows, as plain data for a script's save(): the newest keys that fit into `bytes`.
---@param bytes? integer default 450 KiB, so that two of them may be saved
---@return table
function Once:save(bytes) end

---Goes on with what Once:save gave.
---@param saved? table
function Once:restore(saved) end

return window
