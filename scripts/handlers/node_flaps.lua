-- Finds nodes that go and come back again and again. Follows the conditions of each node, as kubelet and node
-- controller tell of them: ready or not, and pressure on memory, disk and processes; when one has turned bad
-- `threshold` times within `window`, emits one Warning event NodeFlapping about the node. A change that both tell of
-- counts once. Every event passes unchanged.
--
-- @param threshold count    (3)     changes to the bad side within the window that make it flap
-- @param window    duration ("1h")  the window
-- @param sink      sinks    (none)  send the new event straight to these sinks of the watcher; without it, to all
--                                   other watchers
--
-- { "handlers/node_flaps.lua", threshold = 4, window = "2h", sink = "pager" }

local alarm = require("mooncrier.alarm")
local params = require("mooncrier.params")
local window = require("mooncrier.window")

-- reason → condition, and whether this is its bad side
local changes = {
  NodeReady = { "Ready" },
  NodeNotReady = { "Ready", true },
  NodeHasSufficientMemory = { "MemoryPressure" },
  NodeHasInsufficientMemory = { "MemoryPressure", true },
  NodeHasNoDiskPressure = { "DiskPressure" },
  NodeHasDiskPressure = { "DiskPressure", true },
  NodeHasSufficientPID = { "PIDPressure" },
  NodeHasInsufficientPID = { "PIDPressure", true },
}

local flaps
-- Conditions that are bad now: what is told of within a day of its beginning is the same badness.
local bad

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 3 },
      window = { "duration", "1h" },
      sink = { "sinks", false },
    })
    flaps = alarm.new({
      reason = "NodeFlapping", threshold = given.threshold, window = given.window, sink = given.sink, max_keys = 2000,
    })
    bad = window.once({ every = "1d", max_keys = 2000 })
  end,

  handle = function(event)
    local change = changes[event.reason]
    local node = event.involvedObject
    -- The node controller tells the pods of a node that it is not ready, too.
    if not change or node.kind ~= "Node" or event.delta <= 0 then
      return
    end
    -- The kubelet gives the node's name as its uid, the controller the true one: go by the name.
    local key = node.name .. "/" .. change[1]
    if not change[2] then
      bad:reset(key)
    elseif bad:first(key, alarm.time(event)) then
      local due, n = flaps:due(key, event)
      if due then
        flaps:raise(event, {
          message = ("Node %s is flapping: its condition %s turned bad %d times within %s"):format(
            node.name, change[1], n, flaps.within),
        })
      end
    end
  end,

  save = function()
    -- All of it has to fit into 1 MiB.
    return { flaps = flaps:save(500 * 1024), bad = bad:save(400 * 1024) }
  end,

  restore = function(saved)
    flaps:restore(saved.flaps)
    bad:restore(saved.bad)
  end,
}
