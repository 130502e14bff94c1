-- Drops the events of a healthy cluster's daily work by their reason. The ledger tells how many of each
-- reason were dropped.
--
-- @param reasons  strings ("Scheduled", "Pulling", "Pulled", "Created", "Started", "Killing",
--                          "SuccessfulCreate", "SuccessfulDelete", "Completed", "SawCompletedJob",
--                          "ScalingReplicaSet", "LeaderElection")   globs of reasons to drop
-- @param also     strings (none)   globs of more reasons to drop, besides `reasons`
-- @param warnings boolean (false)  drop Warning events with these reasons, too
--
-- { "handlers/quiet.lua", also = { "Node*" } }

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local daily_work = {
  "Scheduled", "Pulling", "Pulled", "Created", "Started", "Killing", "SuccessfulCreate",
  "SuccessfulDelete", "Completed", "SawCompletedJob", "ScalingReplicaSet", "LeaderElection",
}

local listed, also_listed, drop_warnings

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      reasons = { "strings", daily_work },
      also = { "strings", {} },
      warnings = { "boolean", false },
    })
    listed, also_listed = match.any(given.reasons), match.any(given.also)
    drop_warnings = given.warnings
  end,

  filter = function(event)
    local reason = event.reason
    if not listed(reason) and not also_listed(reason) then
      return true
    end
    if event.type == "Warning" and not drop_warnings then
      return true
    end
    return false, "quiet: " .. reason
  end,
}
