---Counting towards an alarm: so many occurrences of a key within a window make one new event, and not
---another until the window has passed. Times are those of the events, so that a recorded file gives what
---the live stream gave; occurrences are event.delta, so that one record may stand for many.
---
---```lua
---local preempted = alarm.new{ reason = "PreemptedOften", threshold = 2, window = "1h" }
---return {
---  handle = function(event)
---    if event.reason ~= "Preempted" then
---      return
---    end
---    local due, n = preempted:due(event.involvedObject.namespace, event)
---    if due then
---      preempted:raise(event, { message = ("%d times within %s"):format(n, preempted.within) })
---    end
---  end,
---  save = function() return preempted:save() end,
---  restore = function(saved) preempted:restore(saved) end,
---}
---```
---@class mooncrier.alarm
local alarm = {}

local clock = require("mooncrier.clock")
local params = require("mooncrier.params")
local sandbox = require("mooncrier.sandbox")
local window = require("mooncrier.window")

local rfc3339 = require("mooncrier.rfc3339")

local floor, format = math.floor, string.format
local error, ipairs, pairs, setmetatable, type = error, ipairs, pairs, setmetatable, type

-- Of the 1 MiB that a script may save.
local SAVED_BYTES = 900 * 1024

---@class mooncrier.Alarm
---@field within string the window in words: "10 min"
---@field private counts mooncrier.Window
---@field private told mooncrier.Once
local Alarm = {}
Alarm.__index = Alarm
Alarm.__metatable = "read-only"

---A duration in words.
---
---```lua
---alarm.span(45) --> "45 s"
---alarm.span(600) --> "10 min"
---alarm.span(9000) --> "2.5 h"
---```
---@param seconds number
---@return string
function alarm.span(seconds)
  for _, unit in ipairs({ { 2 * 86400, 86400, "days" }, { 2 * 3600, 3600, "h" }, { 60, 60, "min" } }) do
    if seconds >= unit[1] then
      return (format("%.1f", seconds / unit[2]):gsub("%.0$", "")) .. " " .. unit[3]
    end
  end
  return format("%.3g s", seconds)
end

---When an event happened; now, for one that does not say.
---@param event mooncrier.Event
---@return number seconds
function alarm.time(event)
  local at = event.time
  return at > 0 and at or clock.now()
end

---Emits an event to each of `sinks`, straight; without any, to all other watchers. False when there was
---no room for it in one of them.
---@param event mooncrier.Event
---@param sinks? string[]
---@return boolean accepted
function alarm.send(event, sinks)
  local emit = sandbox.globals.emit
  if not sinks then
    local accepted = emit(event)
    return accepted
  end
  local accepted = true
  for _, sink in ipairs(sinks) do
    accepted = emit(event, sink) and accepted
  end
  return accepted
end

---@class mooncrier.alarm.Options
---@field reason string of the events that it makes
---@field threshold? number occurrences within the window that are too many (1)
---@field window? string|number the window, and how long a key is quiet after an alarm ("10m")
---@field sink? string|string[] straight to these sinks of the watcher; without, to all other watchers
---@field max_keys? integer keys remembered at a time (10000)

---An alarm.
---@param options mooncrier.alarm.Options
---@return mooncrier.Alarm
function alarm.new(options)
  local o = params.read(options, {
    reason = { "string" },
    threshold = { "number", 1 },
    window = { "duration", "10m" },
    sink = { "strings", false },
    max_keys = { "count", 10000 },
  }, 2)
  if o.window <= 0 then
    error("alarm.new: window must be more than 0", 2)
  end
  return setmetatable({
    reason = o.reason,
    threshold = o.threshold,
    sinks = o.sink and o.sink[1] and o.sink,
    within = alarm.span(o.window),
    counts = window.new({ span = o.window, max_keys = o.max_keys }),
    told = window.once({ every = o.window, max_keys = o.max_keys }),
    members = window.once({ every = o.window, max_keys = o.max_keys }),
  }, Alarm)
end

---Counts the occurrences that `event` brings (event.delta; or `n`) for `key`. True when it is time for
---the alarm: there are `threshold` of them within the window, and the last alarm of this key is a window
---ago. The second result is how many there are.
---@param key string
---@param event mooncrier.Event
---@param n? number
---@param threshold? number of this key, in place of the alarm's
---@return boolean due
---@return number count
function Alarm:due(key, event, n, threshold)
  n = n or event.delta
  if n <= 0 then
    return false, 0
  end
  local now = alarm.time(event)
  local count = self.counts:add(key, n, now)
  if count < (threshold or self.threshold) then
    return false, count
  end
  local due = self.told:first(key, now)
  return due, count
end

---The same, counting each `member` of a key once within the window: pods rather than their events. The
---third result is whether the member was counted now.
---@param key string
---@param member string
---@param event mooncrier.Event
---@param threshold? number of this key, in place of the alarm's
---@return boolean due
---@return number count of different members
---@return boolean fresh
function Alarm:due_of(key, member, event, threshold)
  local now = alarm.time(event)
  if event.delta <= 0 or not self.members:first(key .. "\0" .. member, now) then
    return false, self.counts:count(key, now), false
  end
  local due, count = self:due(key, event, 1, threshold)
  return due, count, true
end

---Forgets `key`: what was counted, and that it was told.
---@param key string
function Alarm:reset(key)
  self.counts:reset(key)
  self.told:reset(key)
end

---Makes the event of the alarm and emits it: a Warning about what `event` is about, at its time, unless
---`fields` say otherwise. False when there was no room for it.
---@param event mooncrier.Event what led to it
---@param fields table of new_event; `message` must be there
---@return boolean accepted
function Alarm:raise(event, fields)
  if type(fields) ~= "table" or type(fields.message) ~= "string" then
    error("raise takes a table with a message", 2)
  end
  local at = rfc3339.format(alarm.time(event))
  local made = {
    type = "Warning",
    reason = self.reason,
    involvedObject = event.involvedObject,
    firstTimestamp = at,
    lastTimestamp = at,
  }
  for name, value in pairs(fields) do
    made[name] = value
  end
  local accepted = alarm.send(sandbox.globals.new_event(made), self.sinks)
  return accepted
end

---What it knows, as plain data for a script's save(). Two alarms with all their keys can be too much for a
---script: give each less `max_keys`, or fewer `bytes`.
---@param bytes? integer at most (900 KiB)
---@return table
function Alarm:save(bytes)
  local third = floor((bytes or SAVED_BYTES) / 3)
  return { counts = self.counts:save(third), told = self.told:save(third), members = self.members:save(third) }
end

---Goes on with what Alarm:save gave.
---@param saved? table
function Alarm:restore(saved)
  if saved then
    self.counts:restore(saved.counts)
    self.told:restore(saved.told)
    self.members:restore(saved.members)
  end
end

return alarm
