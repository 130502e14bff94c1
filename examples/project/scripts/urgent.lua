-- Keeps the Warnings of some namespaces and gives them a `severity`: "high" when there were `threshold` of one
-- reason about one object within `window`, else "low".
--
-- @param namespaces strings   ("*")    globs: keep events about objects of these namespaces
-- @param threshold  count     (5)      occurrences within the window that make it "high"
-- @param window     duration  ("10m")  the window
--
-- { "urgent.lua", namespaces = { "prod-*" }, threshold = 3 }

local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")

local given, wanted, seen

---@type mooncrier.Hooks
return {
  -- Once, before the first event: the parameters that stand beside the script's path.
  init = function(init_params)
    given = params.read(init_params, {
      namespaces = { "strings", "*" },
      threshold = { "count", 5 },
      window = { "duration", "10m" },
    })
    wanted = match.any(given.namespaces)
    seen = window.new({ span = given.window })
  end,

  -- false drops an event; the second value is the reason, counted in the ledger.
  filter = function(event)
    if event.type ~= "Warning" then
      return false, "not a warning"
    elseif event.change == "deleted" then
      return false, "deleted"
    end
    return wanted(event.involvedObject.namespace), "not of our namespaces"
  end,

  -- Gives the event that goes on. `delta` is how many occurrences this event tells of: repeats of an event come
  -- as one with a higher count.
  handle = function(event)
    local object = event.involvedObject
    local key = object.namespace .. "/" .. object.name .. " " .. event.reason
    local n = seen:add(key, event.delta, event.time)
    return event:with({ severity = n >= given.threshold and "high" or "low" })
  end,

  -- At a reload the new script goes on with what the old one has counted.
  save = function()
    return seen:save()
  end,

  restore = function(saved)
    seen:restore(saved)
  end,
}
