-- Treats the pods of a workload as one: lets the first event about a workload and reason pass and drops the others of
-- all its pods for a while. Which workload a pod, Job or ReplicaSet belongs to is told by its name, as events do not
-- bring their object's owner (mooncrier.workload). The one that passes after that has a field `repeats`: how many
-- occurrences were dropped before it. Times are those of the events.
--
-- @param every   duration ("10m")  how long others are dropped after the one that passed
-- @param reasons strings  ("*")    globs: only of these reasons; all others pass
--
-- { "handlers/dedup_owner.lua", every = "1h", reasons = { "BackOff", "Failed*", "Unhealthy" } }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")
local workload = require("mooncrier.workload")

local every, looked_at, passed, dropped

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      every = { "duration", "10m" },
      reasons = { "strings", "*" },
    })
    every, looked_at = given.every, match.any(given.reasons)
    passed = window.once({ every = every })
    -- Long enough that what was dropped is still known when the next one passes.
    dropped = window.new({ span = math.max(every, 1) * 10, steps = 10 })
  end,

  handle = function(event)
    local reason = event.reason
    if not looked_at(reason) then
      return
    end
    local now = alarm.time(event)
    local key = workload.key(event) .. "\0" .. event.type .. "\0" .. reason
    if not passed:first(key, now) then
      dropped:add(key, math.max(event.delta, 1), now)
      return false, "repeat of the same workload"
    end
    local n = dropped:count(key, now)
    if n > 0 then
      dropped:reset(key)
      return event:with({ repeats = n })
    end
  end,

  save = function()
    return { passed = passed:save(), dropped = dropped:save() }
  end,

  restore = function(saved)
    passed:restore(saved.passed)
    dropped:restore(saved.dropped)
  end,
}
