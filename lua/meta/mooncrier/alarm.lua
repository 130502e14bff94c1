---@meta mooncrier.alarm
-- Written by lua/reference/write.lua from lua/mooncrier/alarm.lua: change that.

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

---@class mooncrier.Alarm
---@field within string the window in words: "10 min"
local Alarm = {}

---A duration in words.
---
---```lua
---alarm.span(45) --> "45 s"
---alarm.span(600) --> "10 min"
---alarm.span(9000) --> "2.5 h"
---```
---@param seconds number
---@return string
function alarm.span(seconds) end

---When an event happened; now, for one that does not say.
---@param event mooncrier.Event
---@return number seconds
function alarm.time(event) end

---Emits an event to each of `sinks`, straight; without any, to all other watchers. False when there was
---no room for it in one of them.
---@param event mooncrier.Event
---@param sinks? string[]
---@return boolean accepted
function alarm.send(event, sinks) end

---@class mooncrier.alarm.Options
---@field reason string of the events that it makes
---@field threshold? number occurrences within the window that are too many (1)
---@field window? string|number the window, and how long a key is quiet after an alarm ("10m")
---@field sink? string|string[] straight to these sinks of the watcher; without, to all other watchers
---@field max_keys? integer keys remembered at a time (10000)

---An alarm.
---@param options mooncrier.alarm.Options
---@return mooncrier.Alarm
function alarm.new(options) end

---Counts the occurrences that `event` brings (event.delta; or `n`) for `key`. True when it is time for
---the alarm: there are `threshold` of them within the window, and the last alarm of this key is a window
---ago. The second result is how many there are.
---@param key string
---@param event mooncrier.Event
---@param n? number
---@param threshold? number of this key, in place of the alarm's
---@return boolean due
---@return number count
function Alarm:due(key, event, n, threshold) end

---The same, counting each `member` of a key once within the window: pods rather than their events. The
---third result is whether the member was counted now.
---@param key string
---@param member string
---@param event mooncrier.Event
---@param threshold? number of this key, in place of the alarm's
---@return boolean due
---@return number count of different members
---@return boolean fresh
function Alarm:due_of(key, member, event, threshold) end

---Forgets `key`: what was counted, and that it was told.
---@param key string
function Alarm:reset(key) end

---Makes the event of the alarm and emits it: a Warning about what `event` is about, at its time, unless
---`fields` say otherwise. False when there was no room for it.
---@param event mooncrier.Event what led to it
---@param fields table of new_event; `message` must be there
---@return boolean accepted
function Alarm:raise(event, fields) end

---What it knows, as plain data for a script's save(). Two alarms with all their keys can be too much for a
---script: give each less `max_keys`, or fewer `bytes`.
---@param bytes? integer at most (900 KiB)
---@return table
function Alarm:save(bytes) end

---Goes on with what Alarm:save gave.
---@param saved? table
function Alarm:restore(saved) end

return alarm
