-- What changes something in the cluster: things that are made, scaled, moved, stopped and deleted, and who leads.
--
-- @param reasons strings (a list)  globs of reasons

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local is_change

---@type mooncrier.Hooks
return {
  init = function(given)
    is_change = match.any(params.read(given, {
      reasons = { "strings", {
        "Successful*", "Scaling*", "Scaled*", "Killing", "Evicted", "Preempted", "Deploy*", "Backup*", "Rebooted",
        "TaintManagerEviction", "Node*Schedulable", "RemovingNode", "RegisteredNode", "LeaderElection",
        "ShutdownInitiated", "Suspended", "Resumed",
      } },
    }).reasons)
  end,

  filter = function(event)
    return is_change(event.reason), "changes nothing"
  end,
}
